/** Why a control packet was dropped. Names are stable: they are labels of metrics. */
export const DROP_REASONS = [
  /** Shorter than its opcode and wrapping allow. */
  'too-short',
  /** First byte names no packet type. [wire 1] */
  'unknown-opcode',
  /** A known packet type that is not taken here: key method 1, or tls-crypt-v2 without a key for it. [wire 1] */
  'unsupported-opcode',
  /** A packet type that only the other role may send. [wire 1] */
  'wrong-direction',
  'zero-session-id',
  /** tls-auth HMAC or tls-crypt tag does not fit: another key, digest or wrapping. [wire 4, 5] */
  'bad-hmac',
  /** A first packet that is not wrapped at all, where the server wants it. [wire 4, 5] */
  'missing-wrapping',
  /** A first packet that is wrapped, where the server wants it plain. */
  'unexpected-wrapping',
  /** A first packet whose length is that of another wrapping or digest than the server's. */
  'other-wrapping',
  /** The packet is genuine, but made with the other half of the tls-auth key. [wire 3] */
  'wrong-key-direction',
  /** The client's key behind a tls-crypt-v2 packet was not made with our server key. [wire 8] */
  'bad-client-key',
  /** The client's key is older than tls-crypt-v2-max-age, or does not say how old it is. [wire 8] */
  'client-key-too-old',
  /** Whoever decides about clients' own keys has refused this one. [wire 8] */
  'client-key-refused',
  /** Nobody could be asked about the client's own key, or there was no answer. */
  'client-key-unverified',
  /** Too many wait already for what becomes of their keys. */
  'client-key-pending',
  /** A packet without tls-crypt-v2 where nothing else is taken. [wire 8] */
  'client-key-required',
  /** The client cannot send its key again, and force-cookie wants that. [wire 7.1] */
  'cookie-required',
  'replayed',
  'too-many-acks',
  /** Acks are addressed to another session id than ours. [wire 2] */
  'ack-session-mismatch',
  'malformed',
  /** First packet of an unknown client without the echo of our session id. [wire 7] */
  'missing-cookie',
  'bad-cookie',
  'rate-limited',
  /** More new connections than connect-freq allows. [wire 7] */
  'connect-freq',
  'too-many-sessions',
  'unknown-session',
  'wrong-key-id',
  /** A reset whose message id is not 0, or a first packet beyond message id 1. [wire 2, 7] */
  'bad-message-id',
  /** Message id too far ahead to be kept. [wire 10] */
  'outside-window',
  /** Soft reset while the current key is not complete, or too soon. [wire 17] */
  'unexpected-reset',
  /** A message inside the session that is not known, or that nobody waits for; it is ignored. [wire 15] */
  'unexpected-message',
  /** The session has ended and only waits for its last acks. */
  'session-closing',
] as const;

export type DropReason = (typeof DROP_REASONS)[number];

/** Tells a drop from a decoded value, which is always an object. */
export const isDrop = (result: object | DropReason): result is DropReason => typeof result === 'string';

/** A fresh set of counters, all zero. */
export const createDropCounters = (): Record<DropReason, number> =>
  Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as Record<DropReason, number>;
