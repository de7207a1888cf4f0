import { deepStrictEqual } from 'node:assert';
import type { WrapOptions } from '@shardvpn/core';
import { checksum } from '../../../packages/core/src/snapshot/checksum.js';
import { decodeSessionSnapshot } from '../../../packages/core/src/snapshot/session-snapshot.js';
import { Pair } from '../../sim/pair.js';
import { ByteSource } from '../byte-source.js';
import { checkSnapshot } from '../check-snapshot.js';

const key = Uint8Array.from({ length: 256 }, (_, i) => (i * 11 + 5) & 255);
const WRAPS: readonly WrapOptions[] = [
  { type: 'none' },
  { type: 'tls-auth', key, direction: 0, digest: 'sha1' },
  { type: 'tls-crypt', key },
];
const CHECKSUM_LENGTH = 4;
/** Under no client's number stands how many numbers were dealt; millions of them would take all the time. */
const NUMBERS = 0xffffff;

/**
 * What a worker has left of a connected client, changed anywhere and with a checksum that fits, for the worker after it. What
 * is taken for a snapshot encodes to what it was, and the client is served or lost, but nothing breaks.
 */
export const sessionRestore = (input: Uint8Array): void => {
  const source = new ByteSource(input);
  const form = source.u8();
  const wrap = WRAPS[form % WRAPS.length] as WrapOptions;
  const server = { wrap, handWindow: 20, renegSec: 40, pingTimeout: 30, pingInterval: 5 };
  const pair = new Pair({ server, shortFlights: true });
  const client = pair.connect({ client: { handWindow: 20 } });
  if ((form & 4) !== 0) {
    client.run(() => client.core.renegotiate(pair.loop.now));
    pair.run(source.u8() * 4);
  }
  const { snapshots } = pair.server;
  pair.server.crash(source.u16());
  for (const [peerId, bytes] of [...snapshots]) {
    if (peerId !== NUMBERS || (form & 8) !== 0) snapshots.set(peerId, changed(bytes, source));
  }
  pair.run(source.u8() * 250);
  client.kill();
  pair.run(150_000);
  const { core, data } = pair.server;
  deepStrictEqual([core.handshakes, core.pollTimeout(), data.peers], [0, undefined, []]);
};

const changed = (bytes: Uint8Array, source: ByteSource): Uint8Array => {
  let body = bytes.slice(0, -CHECKSUM_LENGTH);
  for (let changes = source.u8() % 8; changes > 0 && body.length > 0; changes--) {
    const at = source.u16() % body.length;
    const cut = source.u8() % 5;
    body = Uint8Array.from([...body.subarray(0, at), ...source.sized(), ...body.subarray(at + cut)]);
  }
  const summed = new Uint8Array(body.length + CHECKSUM_LENGTH);
  summed.set(body);
  new DataView(summed.buffer).setUint32(body.length, checksum(body));
  const snapshot = decodeSessionSnapshot(summed);
  if (snapshot !== null) checkSnapshot(snapshot);
  return summed;
};
