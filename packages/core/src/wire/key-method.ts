import type { DropReason } from '../drop-reason.js';
import { VpnError } from '../errors.js';
import type { Role } from '../role.js';
import { PacketReader, PacketWriter } from './cursor.js';
import { decodeText, encodeText } from './text.js';

/** First plaintext of each TLS session, "key method 2". Texts are without their NUL. [wire 11] */
export interface KeyMethodMessage {
  /** 48 bytes from the client, null from the server. */
  readonly preMaster: Uint8Array | null;
  /** 32 bytes. */
  readonly random1: Uint8Array;
  /** 32 bytes. */
  readonly random2: Uint8Array;
  readonly options: string;
  readonly credentials: Credentials;
  readonly peerInfo: string;
}

/** `too-long` is a failed authentication, not a broken protocol. [wire 11] */
export type Credentials =
  | { readonly type: 'none' }
  | { readonly type: 'password'; readonly username: string; readonly password: string }
  | { readonly type: 'too-long' };

/** Random fields are views of `plaintext`; trailing bytes are ignored. */
export const decodeKeyMethod = (sender: Role, plaintext: Uint8Array): KeyMethodMessage | DropReason => {
  const reader = new PacketReader(plaintext);
  const prefix = reader.u32();
  const method = reader.u8() & 0x0f;
  const preMaster = sender === 'client' ? reader.bytes(PRE_MASTER_LENGTH) : null;
  const random1 = reader.bytes(RANDOM_LENGTH);
  const random2 = reader.bytes(RANDOM_LENGTH);
  if (reader.failed) {
    return 'too-short';
  }
  const strings = prefix === 0 && method === KEY_METHOD ? readStrings(reader) : null;
  if (strings === null || strings.options.length > MAX_OPTIONS_LENGTH) {
    return 'malformed';
  }
  return {
    preMaster,
    random1,
    random2,
    options: decodeText(strings.options),
    credentials: decodeCredentials(strings.username, strings.password),
    peerInfo: decodeText(strings.peerInfo),
  };
};

/** Throws when a field does not have the length that the sender's form asks for. */
export const encodeKeyMethod = (sender: Role, message: KeyMethodMessage): Uint8Array => {
  const { preMaster, random1, random2 } = message;
  if ((preMaster?.length ?? 0) !== (sender === 'client' ? PRE_MASTER_LENGTH : 0)) {
    throw new VpnError('api-misuse/key-method', 'the client and nobody else sends a pre-master secret of 48 bytes');
  }
  if (random1.length !== RANDOM_LENGTH || random2.length !== RANDOM_LENGTH) {
    throw new VpnError('api-misuse/key-method', 'the randoms have 32 bytes');
  }
  const { username, password } = credentialTexts(message.credentials);
  const strings = [message.options, username, password, message.peerInfo].map(encodeText);
  const capacity = strings.reduce((sum, text) => sum + 3 + text.length, 5 + PRE_MASTER_LENGTH + 2 * RANDOM_LENGTH);
  const writer = new PacketWriter(capacity).u32(0).u8(KEY_METHOD);
  writer
    .bytes(preMaster ?? new Uint8Array(0))
    .bytes(random1)
    .bytes(random2);
  for (const text of strings) {
    writeString(writer, text);
  }
  return writer.finish();
};

const KEY_METHOD = 2;
export const PRE_MASTER_LENGTH = 48;
export const RANDOM_LENGTH = 32;
/** Without the NUL. Longer ones are fatal to 2.x as well. [wire 11] */
const MAX_OPTIONS_LENGTH = 511;
/** Without the NUL; what the widest builds of the reference take. [wire 11] */
const MAX_CREDENTIAL_LENGTH = 4095;
const NUL = 0;

const decodeCredentials = (username: Uint8Array, password: Uint8Array): Credentials => {
  if (username.length > MAX_CREDENTIAL_LENGTH || password.length > MAX_CREDENTIAL_LENGTH) {
    return { type: 'too-long' };
  }
  return username.length === 0 && password.length === 0
    ? { type: 'none' }
    : { type: 'password', username: decodeText(username), password: decodeText(password) };
};

const credentialTexts = (credentials: Credentials): { username: string; password: string } => {
  switch (credentials.type) {
    case 'none':
      return { username: '', password: '' };
    case 'password':
      return credentials;
    case 'too-long':
      throw new VpnError('api-misuse/key-method', 'credentials that were too long cannot be sent');
  }
};

interface KeyMethodStrings {
  readonly options: Uint8Array;
  readonly username: Uint8Array;
  readonly password: Uint8Array;
  readonly peerInfo: Uint8Array;
}

/** Old clients end the message behind the options or the password. [wire 11] */
const readStrings = (reader: PacketReader): KeyMethodStrings | null => {
  const readOptional = () => (reader.remaining === 0 ? new Uint8Array(0) : readString(reader));
  const options = readString(reader);
  const username = readOptional();
  const password = readOptional();
  const peerInfo = readOptional();
  return options === null || username === null || password === null || peerInfo === null
    ? null
    : { options, username, password, peerInfo };
};

/** Without the NUL; null when cut off, without a NUL at the end or with one inside. Empty is `0000` or `000100`. */
const readString = (reader: PacketReader): Uint8Array | null => {
  const length = reader.u16();
  if (length === 0) {
    return reader.failed ? null : new Uint8Array(0);
  }
  const bytes = reader.bytes(length);
  return bytes.indexOf(NUL) === length - 1 ? bytes.subarray(0, length - 1) : null;
};

const writeString = (writer: PacketWriter, text: Uint8Array): void => {
  if (text.length === 0) {
    writer.u16(0);
    return;
  }
  writer
    .u16(text.length + 1)
    .bytes(text)
    .u8(NUL);
};
