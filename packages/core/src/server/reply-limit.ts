import type { Millis } from '../ids.js';

/** `connect-freq-initial`: how many unknown clients are answered in a period. [wire 7] */
export class ReplyLimit {
  readonly #count: number;
  readonly #period: Millis;
  #periodEnd = Number.NEGATIVE_INFINITY;
  #used = 0;

  constructor(limit: { readonly count: number; readonly seconds: number }) {
    this.#count = limit.count;
    this.#period = 1000 * limit.seconds;
  }

  /** Whether one more answer is within the limit; it is counted then. */
  take(now: Millis): boolean {
    if (now >= this.#periodEnd) {
      this.#periodEnd = now + this.#period;
      this.#used = 0;
    }
    if (this.#used >= this.#count) {
      return false;
    }
    this.#used++;
    return true;
  }

  /** A handshake that completes was no attack. */
  refund(): void {
    this.#used = Math.max(0, this.#used - 1);
  }
}
