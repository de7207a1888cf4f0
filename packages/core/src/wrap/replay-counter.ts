import type { UnixSeconds } from '../ids.js';
import type { ReplayId } from './wrapper.js';

const LAST_COUNTER = 0xffffffff;

/** Deals the replay ids of one sender. The time stays what it was at first, until the counter wraps. [wire 6] */
export class ReplayCounter {
  #counter: number;
  #time: UnixSeconds;

  /** `last`: the counter already used up, 0 for none; 1 behind a stateless reset. [wire 7] */
  constructor(unixNow: UnixSeconds, last = 0) {
    this.#time = unixNow;
    this.#counter = last;
  }

  /** Of all ids so far, but for a counter that has wrapped. A sender that goes on behind this one has to begin later. */
  get time(): UnixSeconds {
    return this.#time;
  }

  next(unixNow: UnixSeconds): ReplayId {
    if (this.#counter === LAST_COUNTER) {
      this.#time = Math.max(this.#time + 1, unixNow);
      this.#counter = 0;
    }
    this.#counter++;
    return { counter: this.#counter, time: this.#time };
  }
}
