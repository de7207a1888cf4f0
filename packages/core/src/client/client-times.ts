import type { Millis } from '../ids.js';

/** From ACTIVE to the first PUSH_REQUEST of older clients, and between requests. [wire 15] */
export const FIRST_PUSH_REQUEST: Millis = 1000;
export const PUSH_REQUEST_PERIOD: Millis = 5000;
/** For the ack of an EXIT. */
export const EXIT_LINGER: Millis = 5000;
/** For our own acks and alerts. */
export const CLOSE_LINGER: Millis = 1000;
