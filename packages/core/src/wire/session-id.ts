import { VpnError } from '../errors.js';

/**
 * The 8-byte id of one side's control session as 16 lower-case hex digits: immutable, comparable with `===`,
 * usable as a map key, and safe to keep when the packet it came from is gone. [wire 2]
 */
export type SessionId = string & { readonly brand: 'SessionId' };

export const SESSION_ID_LENGTH = 8;

/** The id that nobody may use. [wire 2] */
export const ZERO_SESSION_ID = '0000000000000000' as SessionId;

/** Exactly 8 bytes; anything else is our own fault and throws. */
export const decodeSessionId = (bytes: Uint8Array): SessionId => {
  if (bytes.length !== SESSION_ID_LENGTH) {
    throw new VpnError('api-misuse/session-id', `a session id has 8 bytes, not ${bytes.length}`);
  }
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('') as SessionId;
};

export const encodeSessionId = (id: SessionId): Uint8Array =>
  Uint8Array.from({ length: SESSION_ID_LENGTH }, (_, i) => Number.parseInt(id.slice(2 * i, 2 * i + 2), 16));

/** A new id out of a source of random bytes. */
export const freshSessionId = (randomBytes: (length: number) => Uint8Array): SessionId => {
  const id = decodeSessionId(randomBytes(SESSION_ID_LENGTH));
  return id === ZERO_SESSION_ID ? decodeSessionId(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0)) : id;
};
