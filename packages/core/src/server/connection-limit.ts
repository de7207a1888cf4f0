import type { Millis } from '../ids.js';

/** `connect-freq`: how many new sessions there may be in a period, whoever they are of. */
export class ConnectionLimit {
  readonly #count: number;
  readonly #period: Millis;
  #periodEnd = Number.NEGATIVE_INFINITY;
  #used = 0;

  constructor({ count, seconds }: { readonly count: number; readonly seconds: number }) {
    this.#count = count;
    this.#period = 1000 * seconds;
  }

  /** Whether one more is within the limit; it is counted then. */
  take(now: Millis): boolean {
    if (now >= this.#periodEnd) {
      this.#periodEnd = now + this.#period;
      this.#used = 0;
    }
    const isFree = this.#used < this.#count;
    this.#used += isFree ? 1 : 0;
    return isFree;
  }
}
