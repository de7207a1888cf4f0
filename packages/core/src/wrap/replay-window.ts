import type { Millis } from '../ids.js';
import type { ReplayId } from './wrapper.js';

/** How far packets may come out of order, as in `replay-window`. */
export interface ReplayTolerance {
  /** Ids; below 2 every packet has to be newer than all before. */
  readonly size: number;
  /** Seconds after which an id that was left out does not count any more; 0 for any time. */
  readonly seconds: number;
}

/** OpenVPN's. [wire 6] */
export const DEFAULT_TOLERANCE: ReplayTolerance = { size: 64, seconds: 15 };

/** No sender of control packets has more of them under way, and every session has a window. */
const LARGEST = 64;

/** What a window has seen: bit `i` of `seen` is id `highest - i`. */
export interface ReplayWindowState {
  /** -1 before the first packet. */
  readonly time: number;
  readonly highest: number;
  /** Two halves of 32 bits, the later ids first. */
  readonly seen: readonly [number, number];
}

/** Which replay ids of one peer's control session have been seen. [wire 6] */
export class ReplayWindow {
  #time = -1;
  #highest = 0;
  readonly #size: number;
  readonly #expiry: Millis;
  /** Arrival of id `i` at `i mod` their number, -1 for not seen. */
  readonly #seen: Float64Array;

  constructor({ size, seconds }: ReplayTolerance = DEFAULT_TOLERANCE) {
    this.#size = Math.min(Math.max(size, 1), LARGEST);
    this.#expiry = seconds === 0 ? Number.POSITIVE_INFINITY : 1000 * seconds;
    this.#seen = new Float64Array(this.#size).fill(-1);
  }

  /** A window that has seen what `state` says, as if all of it had come now. */
  static restore(state: ReplayWindowState, now: Millis, tolerance = DEFAULT_TOLERANCE): ReplayWindow {
    const window = new ReplayWindow(tolerance);
    window.#time = state.time;
    window.#highest = state.highest;
    for (let i = 0; i < window.#size && i < state.highest; i++) {
      if (((state.seen[i < 32 ? 0 : 1] >>> (i % 32)) & 1) === 1) {
        window.#seen[(state.highest - i) % window.#size] = now;
      }
    }
    return window;
  }

  get state(): ReplayWindowState {
    const count = Math.min(this.#size, this.#highest);
    const half = (from: number): number => {
      let bits = 0;
      for (let i = Math.min(32, count - from) - 1; i >= 0; i--) {
        bits = 2 * bits + (this.#arrival(this.#highest - from - i) >= 0 ? 1 : 0);
      }
      return bits;
    };
    return { time: this.#time, highest: this.#highest, seen: [half(0), half(32)] };
  }

  /** True once for every fresh id. To be called only after the packet has been authenticated. */
  accept(id: ReplayId, now: Millis): boolean {
    if (id.counter === 0 || id.time < this.#time) {
      return false;
    }
    if (id.time > this.#time) {
      this.#time = id.time;
      this.#highest = 0;
      this.#seen.fill(-1);
    }
    if (id.counter > this.#highest) {
      this.#advance(id.counter);
    } else if (!this.#isFresh(id.counter, now)) {
      return false;
    }
    this.#seen[id.counter % this.#size] = now;
    return true;
  }

  #advance(to: number): void {
    const from = Math.max(this.#highest + 1, to - this.#size + 1);
    for (let id = from; id <= to; id++) {
      this.#seen[id % this.#size] = -1;
    }
    this.#highest = to;
  }

  /** Inside the window, not seen, and no higher id has been here for longer than the expiry. */
  #isFresh(counter: number, now: Millis): boolean {
    if (this.#highest - counter >= this.#size || this.#arrival(counter) >= 0) {
      return false;
    }
    for (let id = counter + 1; id <= this.#highest; id++) {
      const arrival = this.#arrival(id);
      if (arrival >= 0 && now - arrival >= this.#expiry) {
        return false;
      }
    }
    return true;
  }

  #arrival(id: number): Millis {
    return this.#seen[id % this.#size] ?? -1;
  }
}
