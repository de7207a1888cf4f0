import { deepStrictEqual, ok } from 'node:assert';
import { isDrop, VpnError } from '@shardvpn/core';
import { parseStaticKey } from '../../../packages/core/src/keys/static-key.js';
import {
  decodeKeyTime,
  encodeKeyData,
  encodeKeyTime,
  MAX_KEY_METADATA,
  unwrapClientKey,
  wrapClientKey,
} from '../../../packages/core/src/keys/tls-crypt-v2.js';
import { encodeStaticKey } from '../../../packages/supervisor/src/pki/static-key.js';
import {
  encodeClientKey,
  encodeServerKey,
  parseClientKey,
  parseServerKey,
} from '../../../packages/supervisor/src/pki/tls-crypt-v2-key.js';
import { parseRevocationList } from '../../../packages/supervisor/src/registry/crl-parser.js';
import { decodeLeaseFile, encodeLeaseFile } from '../../../packages/supervisor/src/registry/lease-file.js';
import { createNodeCrypto } from '../../support/node-crypto.js';
import { ByteSource } from '../byte-source.js';

const crypto = createNodeCrypto();
const serverKey = Uint8Array.from({ length: 128 }, (_, i) => (i * 11 + 5) & 255);

/** Files that outlive a server or come from elsewhere: leases, keys and what stands in them, revocation lists. */
export const keptFiles = (input: Uint8Array): void => {
  const source = new ByteSource(input);
  const kind = source.u8() % 4;
  const bytes = source.rest();
  const text = new TextDecoder().decode(bytes);
  if (kind === 0) checkLeases(text);
  else if (kind === 1) checkKeys(text);
  else if (kind === 2) checkMetadata(bytes);
  else attempt(() => parseRevocationList(text, ''));
};

const checkLeases = (text: string): void => {
  const { leases, bad } = decodeLeaseFile(text);
  ok(leases.length + bad.length <= text.split('\n').length);
  const again = decodeLeaseFile(encodeLeaseFile(leases));
  deepStrictEqual(again, { leases: leases.filter(({ name }) => !/^[#;]|\r/.test(name)), bad: [] });
};

/** What is read as a key is written as the same key. */
const checkKeys = (text: string): void => {
  const secret = attempt(() => parseStaticKey(text, 'a file'));
  if (secret !== null) deepStrictEqual(parseStaticKey(encodeStaticKey(secret), 'a file'), secret);
  const server = attempt(() => parseServerKey(text, 'a file'));
  if (server !== null) deepStrictEqual(parseServerKey(encodeServerKey(server), 'a file'), server);
  const client = attempt(() => parseClientKey(text, 'a file'));
  if (client !== null) deepStrictEqual(parseClientKey(encodeClientKey(client), 'a file'), client);
};

/** What an administrator puts into a client's key comes back with it. */
const checkMetadata = (bytes: Uint8Array): void => {
  decodeKeyTime(bytes);
  const time = bytes.reduce((sum, byte) => (sum * 256 + byte) % 2 ** 52, 0);
  deepStrictEqual(decodeKeyTime(encodeKeyTime(time)), time);
  const metadata = encodeKeyData(bytes.subarray(0, MAX_KEY_METADATA - 1));
  const key = Uint8Array.from({ length: 256 }, (_, i) => bytes[i] ?? i & 255);
  const opened = unwrapClientKey(serverKey, wrapClientKey(serverKey, { key, metadata }, crypto), crypto);
  ok(!isDrop(opened));
  deepStrictEqual([opened.key, Uint8Array.from(opened.metadata)], [key, metadata]);
};

/** null for what is told to be wrong. */
const attempt = <T>(read: () => T): T | null => {
  try {
    return read();
  } catch (error) {
    if (error instanceof VpnError) return null;
    throw error;
  }
};
