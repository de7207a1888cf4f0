import type { Millis } from '../ids.js';

/** Periods of a session, all in milliseconds. [wire 17, 18] */
export interface SessionTimes {
  /** For the negotiation of one key id. */
  readonly handWindow: Millis;
  /** How long a replaced key stays good, counted from the soft reset. */
  readonly tranWindow: Millis;
  /** Life of a key until the next one is negotiated; 0 for never. */
  readonly renegotiate: Millis;
  /** Until the first retransmission. */
  readonly tlsTimeout: Millis;
}

/** From the start of a negotiation until its key is sent with: by then both sides have it. [wire 12.6] */
export const useKeyDelay = (times: SessionTimes): Millis =>
  times.renegotiate === 0 ? times.handWindow : Math.min(times.handWindow, times.renegotiate / 2);

/** Seconds as in the directives. */
export const sessionTimes = (seconds: {
  readonly handWindow: number;
  readonly tranWindow: number;
  readonly renegSec: number;
  readonly tlsTimeout: number;
}): SessionTimes => ({
  handWindow: 1000 * seconds.handWindow,
  tranWindow: 1000 * seconds.tranWindow,
  renegotiate: 1000 * seconds.renegSec,
  tlsTimeout: 1000 * seconds.tlsTimeout,
});
