/** Why a control packet was dropped. Names are stable: they are labels of metrics. */
export const DROP_REASONS = [
  /** Shorter than its opcode and wrapping allow. */
  'too-short',
  /** First byte names no packet type. [wire 1] */
  'unknown-opcode',
  /** A known packet type that this server does not take: key method 1, tls-crypt-v2. [wire 1] */
  'unsupported-opcode',
  /** A packet type that only the other role may send. [wire 1] */
  'wrong-direction',
  'zero-session-id',
  /** tls-auth HMAC or tls-crypt tag does not fit: another key, digest or wrapping. [wire 4, 5] */
  'bad-hmac',
  /** The packet is genuine, but made with the other half of the tls-auth key. [wire 3] */
  'wrong-key-direction',
  'replayed',
  'too-many-acks',
  /** Acks are addressed to another session id than ours. [wire 2] */
  'ack-session-mismatch',
  'malformed',
  /** First packet of an unknown client without the echo of our session id. [wire 7] */
  'missing-cookie',
  'bad-cookie',
  'rate-limited',
  'too-many-sessions',
  'unknown-session',
  'wrong-key-id',
  /** A reset whose message id is not 0, or a first packet beyond message id 1. [wire 2, 7] */
  'bad-message-id',
  /** Message id too far ahead to be kept. [wire 10] */
  'outside-window',
  /** Soft reset while the current key is not complete, or too soon. [wire 17] */
  'unexpected-reset',
  /** The session has ended and only waits for its last acks. */
  'session-closing',
] as const;

export type DropReason = (typeof DROP_REASONS)[number];

/** Tells a drop from a decoded value, which is always an object. */
export const isDrop = (result: object | DropReason): result is DropReason => typeof result === 'string';

/** A fresh set of counters, all zero. */
export const createDropCounters = (): Record<DropReason, number> =>
  Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as Record<DropReason, number>;
