import { type AeadKey, type DataCipher, type DataCommand, VpnError } from '@shardvpn/core';
import { encodeU32, type RingProducer } from '@shardvpn/ring';
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

const DATA_V2 = 1;
const HAS_IPV4 = 2;
const HAS_IPV6 = 4;

const ADD_PEER_LENGTH = 8 + PATH_LENGTH + 24;
const INSTALL_KEY_LENGTH = 8 + 2 * 32 + 2 * 8;

const CIPHER_CODES: Readonly<Record<DataCipher, number>> = {
  'AES-128-GCM': 1,
  'AES-192-GCM': 2,
  'AES-256-GCM': 3,
  'CHACHA20-POLY1305': 4,
};

/** Writes the command as one record; false when the ring has no room, and nothing is counted: commands are never dropped. */
export function encodeCommand(ring: RingProducer, command: DataCommand): boolean {
  const { kind, length } = SHAPES[command.type];
  if (!ring.fits(length)) return false;
  const record = ring.reserve(kind, length);
  if (record === undefined) return false;
  encodeU32(record, 0, command.peerId);
  switch (command.type) {
    case 'add-peer':
      encodeAddPeer(record, command);
      break;
    case 'install-key':
      encodeInstallKey(record, command);
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
  'install-key': { kind: INSTALL_KEY, length: INSTALL_KEY_LENGTH },
  'use-key': { kind: USE_KEY, length: 8 },
  'retire-key': { kind: RETIRE_KEY, length: 8 },
  'touch-peer': { kind: TOUCH_PEER, length: 4 },
  'notify-exit': { kind: NOTIFY_EXIT, length: 4 },
  'remove-peer': { kind: REMOVE_PEER, length: 4 },
};

function encodeAddPeer(record: Uint8Array, command: Extract<DataCommand, { type: 'add-peer' }>): void {
  const { dataV2, ipv4, ipv6 } = command;
  const flags = (dataV2 ? DATA_V2 : 0) | (ipv4 === null ? 0 : HAS_IPV4) | (ipv6 === null ? 0 : HAS_IPV6);
  encodeU32(record, 4, flags);
  encodePath(command.path, record, 8);
  // encodeInet clears 16 bytes, so IPv4 goes first and what lies behind it after.
  encodeInet(ipv4 ?? '0.0.0.0', record, 32);
  encodeU16(record, 36, command.pingInterval);
  encodeU16(record, 38, command.pingTimeout);
  encodeInet(ipv6 ?? '::', record, 40);
}

function encodeInstallKey(record: Uint8Array, command: Extract<DataCommand, { type: 'install-key' }>): void {
  record.fill(0, 4);
  record[4] = command.keyId;
  record[5] = CIPHER_CODES[command.cipher];
  encodeAeadKey(record, command.seal, 8, 72);
  encodeAeadKey(record, command.open, 40, 80);
}

function encodeAeadKey(record: Uint8Array, key: AeadKey, keyAt: number, ivAt: number): void {
  if (key.key.length > 32 || key.implicitIv.length !== 8) {
    throw new VpnError('internal/bad-data-key', `key of ${key.key.length} and IV of ${key.implicitIv.length} bytes`);
  }
  record.set(key.key, keyAt);
  record.set(key.implicitIv, ivAt);
}

/** Seconds beyond the field's range stay at its end: 18 hours. */
function encodeU16(bytes: Uint8Array, at: number, value: number): void {
  const clamped = Math.min(value, 0xffff);
  bytes[at] = clamped;
  bytes[at + 1] = clamped >>> 8;
}
