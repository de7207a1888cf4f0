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
  return `${hexOfHalf(bytes, 0)}${hexOfHalf(bytes, 4)}` as SessionId;
};

export const encodeSessionId = (id: SessionId): Uint8Array => {
  const bytes = new Uint8Array(SESSION_ID_LENGTH);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Number.parseInt(id.slice(0, 8), 16));
  view.setUint32(4, Number.parseInt(id.slice(8), 16));
  return bytes;
};

/** A new id out of a source of random bytes. */
export const freshSessionId = (randomBytes: (length: number) => Uint8Array): SessionId => {
  const id = decodeSessionId(randomBytes(SESSION_ID_LENGTH));
  return id === ZERO_SESSION_ID ? decodeSessionId(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0)) : id;
};

/** In halves and without a function for each byte: every control packet has one or two ids. */
const hexOfHalf = (bytes: Uint8Array, at: number): string =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(at).toString(16).padStart(8, '0');
