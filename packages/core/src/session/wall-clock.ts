import type { Millis, UnixSeconds } from '../ids.js';

/** Wall time derived from the monotonic clock, so that it never jumps back. [wire 6] */
export class WallClock {
  #start: Millis;
  #unixStart: UnixSeconds;

  constructor(start: Millis, unixStart: UnixSeconds) {
    this.#start = start;
    this.#unixStart = unixStart;
  }

  unixAt(now: Millis): UnixSeconds {
    return Math.floor(this.#unixStart + (now - this.#start) / 1000);
  }

  /**
   * The machine's clock says `unixNow`: whether this one was behind and has followed it. That happens to machines that start without the
   * time, or were asleep.
   */
  follow(now: Millis, unixNow: UnixSeconds): boolean {
    if (unixNow < this.unixAt(now) + TOLERANCE) return false;
    this.#start = now;
    this.#unixStart = unixNow;
    return true;
  }
}

/** Seconds. The two clocks are read one after the other, and go at slightly different speeds. */
const TOLERANCE = 2;
