import type { Millis, UnixSeconds } from '../ids.js';

/** Wall time derived from the monotonic clock, so that it never jumps back. [wire 6] */
export class WallClock {
  readonly #start: Millis;
  readonly #unixStart: UnixSeconds;

  constructor(start: Millis, unixStart: UnixSeconds) {
    this.#start = start;
    this.#unixStart = unixStart;
  }

  unixAt(now: Millis): UnixSeconds {
    return Math.floor(this.#unixStart + (now - this.#start) / 1000);
  }
}
