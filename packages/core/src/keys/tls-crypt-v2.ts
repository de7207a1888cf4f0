import type { DropReason } from '../drop-reason.js';
import { VpnError } from '../errors.js';
import type { UnixSeconds } from '../ids.js';
import type { CryptoProvider } from '../ports.js';
import { PacketReader, PacketWriter } from '../wire/cursor.js';
import { STATIC_KEY_LENGTH } from './static-key.js';

/** Cipher slot, then HMAC slot. [wire 8] */
export const TLS_CRYPT_V2_SERVER_KEY_LENGTH = 128;

/** Bytes that a client key may carry for the server, its type byte included. [wire 8] */
export const MAX_KEY_METADATA = 734;

/** What the server has given to one client, and gets back from it sealed. */
export interface ClientKey {
  /** A tls-crypt key of its own. */
  readonly key: Uint8Array;
  /** Empty, or a type byte and data. A view of the opened key. */
  readonly metadata: Uint8Array;
}

/** `WKc`: the client key as only the server can open it. [wire 8] */
export const wrapClientKey = (serverKey: Uint8Array, client: ClientKey, crypto: CryptoProvider): Uint8Array => {
  if (client.key.length !== STATIC_KEY_LENGTH || client.metadata.length > MAX_KEY_METADATA) {
    throw new VpnError('api-misuse/client-key', `${client.key.length} + ${client.metadata.length} bytes`);
  }
  const { cipher, hmac } = slots(serverKey);
  const plaintext = new PacketWriter(STATIC_KEY_LENGTH + client.metadata.length)
    .bytes(client.key)
    .bytes(client.metadata)
    .finish();
  const length = TAG_LENGTH + plaintext.length + SUFFIX_LENGTH;
  const suffix = new PacketWriter(SUFFIX_LENGTH).u16(length).finish();
  const tag = crypto.hmac('sha256', hmac, [suffix, plaintext]);
  const sealed = crypto.aes256Ctr(cipher, tag.subarray(0, IV_LENGTH), plaintext);
  return new PacketWriter(length).bytes(tag).bytes(sealed).bytes(suffix).finish();
};

/** Any bytes are fine; never throws. */
export const unwrapClientKey = (
  serverKey: Uint8Array,
  wrapped: Uint8Array,
  crypto: CryptoProvider,
): ClientKey | DropReason => {
  if (wrapped.length < MIN_WRAPPED_LENGTH || wrapped.length > MAX_WRAPPED_LENGTH) {
    return 'bad-client-key';
  }
  const { cipher, hmac } = slots(serverKey);
  const tag = wrapped.subarray(0, TAG_LENGTH);
  const suffix = wrapped.subarray(wrapped.length - SUFFIX_LENGTH);
  const sealed = wrapped.subarray(TAG_LENGTH, wrapped.length - SUFFIX_LENGTH);
  const plaintext = crypto.aes256Ctr(cipher, tag.subarray(0, IV_LENGTH), sealed);
  if (!crypto.equal(tag, crypto.hmac('sha256', hmac, [suffix, plaintext]))) {
    return 'bad-client-key';
  }
  return { key: plaintext.slice(0, STATIC_KEY_LENGTH), metadata: plaintext.subarray(STATIC_KEY_LENGTH) };
};

/** Tells sealed keys apart: hex digits of the tag. [wire 8] */
export const wrappedKeyName = (wrapped: Uint8Array): string =>
  Array.from(wrapped.subarray(0, TAG_LENGTH), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** A packet and the client key behind it, by the length in its last two bytes. Views. [wire 7.1] */
export const splitWrappedKey = (
  bytes: Uint8Array,
): { readonly packet: Uint8Array; readonly wrapped: Uint8Array } | DropReason => {
  const length = new PacketReader(bytes.subarray(Math.max(bytes.length - SUFFIX_LENGTH, 0))).u16();
  if (length < MIN_WRAPPED_LENGTH || length > MAX_WRAPPED_LENGTH || length > bytes.length) {
    return 'bad-client-key';
  }
  const at = bytes.length - length;
  return { packet: bytes.subarray(0, at), wrapped: bytes.subarray(at) };
};

/** Metadata of a key that says when it was made. [wire 8] */
export const encodeKeyTime = (unixNow: UnixSeconds): Uint8Array =>
  new PacketWriter(KEY_TIME_LENGTH)
    .u8(METADATA_TIME)
    .u32(Math.floor(unixNow / 2 ** 32))
    .u32(unixNow % 2 ** 32)
    .finish();

/** Metadata of any other content. [wire 8] */
export const encodeKeyData = (data: Uint8Array): Uint8Array =>
  new PacketWriter(1 + data.length).u8(METADATA_USER).bytes(data).finish();

/** When the key was made; null when it does not say. */
export const decodeKeyTime = (metadata: Uint8Array): UnixSeconds | null => {
  const reader = new PacketReader(metadata);
  const isTime = reader.u8() === METADATA_TIME;
  const time = reader.u32() * 2 ** 32 + reader.u32();
  return isTime && !reader.failed ? time : null;
};

const METADATA_USER = 0x00;
const METADATA_TIME = 0x01;
const KEY_TIME_LENGTH = 9;
const TAG_LENGTH = 32;
const IV_LENGTH = 16;
const SUFFIX_LENGTH = 2;
const MIN_WRAPPED_LENGTH = TAG_LENGTH + STATIC_KEY_LENGTH + SUFFIX_LENGTH;
const MAX_WRAPPED_LENGTH = MIN_WRAPPED_LENGTH + MAX_KEY_METADATA;

/** 256-bit keys, each at the start of its 64-byte slot. */
const slots = (serverKey: Uint8Array): { readonly cipher: Uint8Array; readonly hmac: Uint8Array } => ({
  cipher: serverKey.subarray(0, 32),
  hmac: serverKey.subarray(64, 96),
});
