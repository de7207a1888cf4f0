import { beforeEach, expect, test } from '@jest/globals';
import { asPeerId } from '@shardvpn/core';
import type { ClientRecord } from './identities.js';
import { MoveLog } from './move-log.js';

let now = 0;
let lines: (readonly [string, unknown])[] = [];
const write = (text: string, fields: unknown): void => void lines.push([text, fields]);
const log = { error: write, warn: write, info: write, debug: write };
const pathTo = (port: number) => ({ listener: 0, host: '192.0.2.9', port });

const record = (commonName: string): ClientRecord => ({
  shard: 0,
  peerId: asPeerId(1),
  identity: { commonName, certificate: null, username: null, path: pathTo(1), peerInfo: new Map() },
  lease: { ipv4: null, ipv6: null, push: [] },
  slot: 0,
  held: [],
  path: pathTo(1),
  connection: null,
});

beforeEach(() => {
  now = 0;
  lines = [];
});

test('who moves all the time has a line a minute, which says how often', () => {
  const moves = new MoveLog(log, () => now);
  const [alice, bob] = [record('alice'), record('bob')];
  for (; now < 120_000; now += 100) moves.tellMove(alice, pathTo(now));
  moves.tellMove(bob, pathTo(7));
  const from = '192.0.2.9:1';
  expect(lines).toEqual([
    ['alice moved', { from, to: '192.0.2.9:0' }],
    ['alice moved', { from, to: '192.0.2.9:60000', moves: 600 }],
    ['bob moved', { from, to: '192.0.2.9:7' }],
  ]);
});

test('a move that is in the way of nobody and one that is are told apart', () => {
  const moves = new MoveLog(log, () => now);
  const [alice, bob] = [record('alice'), record('')];
  moves.tellMove(alice, pathTo(2));
  for (; now < 60_000; now += 1000) moves.tellConflict(alice, bob, pathTo(3));
  expect(lines.slice(1)).toEqual([
    ['alice cannot move: a client without a name has that address', { to: '192.0.2.9:3' }],
  ]);
});
