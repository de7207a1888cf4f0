import {
  type AuthDigest,
  type DataCipher,
  type DataCommand,
  type DataLayers,
  type DirectionKey,
  FRAMINGS,
  type PacketFormat,
  VpnError,
} from '@shardvpn/core';
import { encodeU32, type RingProducer } from '@shardvpn/ring';
import { ADMISSION_LENGTH, encodeAdmission } from './admission-record.js';
import { encodeInet } from './inet-address.js';
import { encodePath, PATH_LENGTH } from './path-record.js';

/** Record kinds, worker to data thread. */
export const TRANSMIT = 1;
const ADD_PEER = 2;
const INSTALL_KEY = 3;
const USE_KEY = 4;
const RETIRE_KEY = 5;
const TOUCH_PEER = 6;
const REMOVE_PEER = 7;
const NOTIFY_EXIT = 8;
const UPDATE_PEER = 9;
const LIMIT_PEER = 10;
const CLOSE_CONNECTION = 16;
const ADMIT_BY = 17;

const DATA_V2 = 1;
const HAS_IPV4 = 2;
const HAS_IPV6 = 4;
const COMPRESSES = 1 << 11;
const FRAGMENT_COUNTS_HEADERS = 1 << 12;
const FRAMING_SHIFT = 8;
const FRAGMENT_SHIFT = 16;

const ADD_PEER_LENGTH = 8 + PATH_LENGTH + 24;
const UPDATE_PEER_LENGTH = 32;
/** Of a ping time in UPDATE_PEER. */
const AS_IT_IS = 0xffff;
const LIMIT_PEER_LENGTH = 40;
const SLOT_LENGTH = 64;
const INSTALL_KEY_LENGTH = 8 + 4 * SLOT_LENGTH;

const CIPHER_CODES: Readonly<Record<DataCipher, number>> = {
  'AES-128-GCM': 1,
  'AES-192-GCM': 2,
  'AES-256-GCM': 3,
  'CHACHA20-POLY1305': 4,
  'AES-128-CBC': 5,
  'AES-192-CBC': 6,
  'AES-256-CBC': 7,
  none: 0,
};

const DIGEST_CODES: Readonly<Record<AuthDigest, number>> = {
  none: 0,
  SHA1: 1,
  SHA224: 2,
  SHA256: 3,
  SHA384: 4,
  SHA512: 5,
};

const FORMAT_CODES: Readonly<Record<PacketFormat, number>> = { aead: 1, epoch: 3, cbc: 4, plain: 5 };

/** Writes the command as one record; false when the ring has no room, and nothing is counted: commands are never dropped. */
export function encodeCommand(ring: RingProducer, command: DataCommand): boolean {
  const { kind, length } = SHAPES[command.type];
  if (!ring.fits(length)) return false;
  const record = ring.reserve(kind, length);
  if (record === undefined) return false;
  if (command.type === 'close-connection') {
    encodePath(command.path, record, 0);
    return true;
  }
  if (command.type === 'admit-by') {
    encodeAdmission(record, command.order);
    return true;
  }
  encodeU32(record, 0, command.peerId);
  switch (command.type) {
    case 'add-peer':
      encodeAddPeer(record, command);
      break;
    case 'update-peer':
      encodeUpdatePeer(record, command);
      break;
    case 'install-key':
      encodeInstallKey(record, command);
      break;
    case 'limit-peer':
      encodeLimits(record, command);
      break;
    case 'use-key':
    case 'retire-key':
      encodeU32(record, 4, command.keyId);
      break;
    case 'touch-peer':
    case 'notify-exit':
    case 'remove-peer':
      break;
  }
  return true;
}

const SHAPES: Readonly<Record<DataCommand['type'], { kind: number; length: number }>> = {
  'add-peer': { kind: ADD_PEER, length: ADD_PEER_LENGTH },
  'update-peer': { kind: UPDATE_PEER, length: UPDATE_PEER_LENGTH },
  'install-key': { kind: INSTALL_KEY, length: INSTALL_KEY_LENGTH },
  'limit-peer': { kind: LIMIT_PEER, length: LIMIT_PEER_LENGTH },
  'use-key': { kind: USE_KEY, length: 8 },
  'retire-key': { kind: RETIRE_KEY, length: 8 },
  'touch-peer': { kind: TOUCH_PEER, length: 4 },
  'notify-exit': { kind: NOTIFY_EXIT, length: 4 },
  'remove-peer': { kind: REMOVE_PEER, length: 4 },
  'close-connection': { kind: CLOSE_CONNECTION, length: PATH_LENGTH },
  'admit-by': { kind: ADMIT_BY, length: ADMISSION_LENGTH },
};

function encodeAddPeer(record: Uint8Array, command: Extract<DataCommand, { type: 'add-peer' }>): void {
  const flags = (command.dataV2 ? DATA_V2 : 0) | addressFlags(command) | layerFlags(command.layers);
  encodeU32(record, 4, flags);
  encodePath(command.path, record, 8);
  encodeInner(record, 32, command);
}

function encodeUpdatePeer(record: Uint8Array, command: Extract<DataCommand, { type: 'update-peer' }>): void {
  encodeU32(record, 4, addressFlags(command));
  encodeInner(record, 8, command);
}

type Inner = Pick<Extract<DataCommand, { type: 'update-peer' }>, 'ipv4' | 'ipv6' | 'pingInterval' | 'pingTimeout'>;

const addressFlags = ({ ipv4, ipv6 }: Pick<Inner, 'ipv4' | 'ipv6'>): number =>
  (ipv4 === null ? 0 : HAS_IPV4) | (ipv6 === null ? 0 : HAS_IPV6);

/** 24 bytes: IPv4 address, ping times, IPv6 address. */
function encodeInner(record: Uint8Array, at: number, { ipv4, ipv6, pingInterval, pingTimeout }: Inner): void {
  // encodeInet clears 16 bytes, so IPv4 goes first and what lies behind it after.
  encodeInet(ipv4 ?? '0.0.0.0', record, at);
  encodeU16(record, at + 4, pingInterval ?? AS_IT_IS);
  encodeU16(record, at + 6, pingTimeout ?? AS_IT_IS);
  encodeInet(ipv6 ?? '::', record, at + 8);
}

function layerFlags(layers: DataLayers | undefined): number {
  if (layers === undefined) return 0;
  const { framing, compress, fragment } = layers;
  const flags = (compress ? COMPRESSES : 0) | (fragment?.countsHeaders ? FRAGMENT_COUNTS_HEADERS : 0);
  return flags | (FRAMINGS.indexOf(framing) << FRAMING_SHIFT) | ((fragment?.size ?? 0) << FRAGMENT_SHIFT);
}

function encodeLimits(record: Uint8Array, command: Extract<DataCommand, { type: 'limit-peer' }>): void {
  const { renegBytes, renegPackets, inactive, replayWindow } = command;
  encodeU32(record, 4, replayWindow?.size ?? OWN_WINDOW);
  encodeU64(record, 8, renegBytes);
  encodeU64(record, 16, renegPackets);
  encodeU64(record, 24, inactive.bytes);
  encodeU32(record, 32, inactive.seconds);
  encodeU32(record, 36, replayWindow?.seconds ?? 0);
}

/** Leaves the size of the replay window to the data thread. */
const OWN_WINDOW = 0xffff_ffff;

function encodeInstallKey(record: Uint8Array, command: Extract<DataCommand, { type: 'install-key' }>): void {
  const { keyId, suite, seal, open } = command;
  record[4] = keyId;
  record[5] = CIPHER_CODES[suite.cipher];
  record[6] = DIGEST_CODES[suite.auth];
  record[7] = FORMAT_CODES[suite.format];
  encodeDirection(record, 8, seal);
  encodeDirection(record, 8 + 2 * SLOT_LENGTH, open);
}

function encodeDirection(record: Uint8Array, at: number, { cipher, hmac }: DirectionKey): void {
  if (cipher.length !== SLOT_LENGTH || hmac.length !== SLOT_LENGTH) {
    throw new VpnError('internal/bad-data-key', `slots of ${cipher.length} and ${hmac.length} bytes`);
  }
  record.set(cipher, at);
  record.set(hmac, at + SLOT_LENGTH);
}

/** Seconds beyond the field's range stay at its end: 18 hours. */
function encodeU16(bytes: Uint8Array, at: number, value: number): void {
  const clamped = Math.min(value, 0xffff);
  bytes[at] = clamped;
  bytes[at + 1] = clamped >>> 8;
}

function encodeU64(bytes: Uint8Array, at: number, value: number): void {
  encodeU32(bytes, at, value % 2 ** 32);
  encodeU32(bytes, at + 4, Math.floor(value / 2 ** 32));
}
