import { expect, test } from '@jest/globals';
import type { PeerId, WrapOptions } from '@shardvpn/core';
import { freezeWorld } from './frozen-world.js';
import { Pair } from './pair.js';
import { talks } from './talks.js';

freezeWorld();

const key = Uint8Array.from({ length: 256 }, (_, i) => (i * 7 + 3) & 255);
const WRAPS: readonly WrapOptions[] = [{ type: 'none' }, { type: 'tls-crypt', key }];
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Beyond 2^32 ms since the start of the machine. */
const DAYS = 60;
const PING = 600;

/** One stays with new keys every four hours; another one comes and goes each day; a worker dies each week. */
test.each(WRAPS)('two months with $type: who stays notices nothing, and who left leaves nothing behind', (wrap) => {
  const push = [`ping ${PING}`, `ping-restart ${6 * PING}`];
  const times = { renegSec: (4 * HOUR) / 1000, pingInterval: PING, pingTimeout: 6 * PING };
  const pair = new Pair({ server: { wrap, push, ...times }, tick: (1000 * PING) / 2 });
  const { server } = pair;
  const stays = pair.connect({ name: 'stays' });
  for (let day = 1; day <= DAYS; day++) {
    const guest = pair.connect({ name: 'guest' });
    pair.run(HOUR);
    guest.run(() => guest.core.exit(pair.loop.now));
    pair.run(DAY - HOUR);
    if (day % 7 === 0) server.crash(500);
    expect([day, stays.isConnected, talks(pair, stays)]).toEqual([day, true, true]);
    expect(server.data.peers).toEqual([stays.peerId]);
    expect([...server.leases.keys()]).toEqual([stays.peerId]);
    expect([...server.snapshots.keys()]).toEqual([NO_PEER_ID, stays.peerId]);
    expect(server.data.keysOf(stays.peerId).length).toBeLessThanOrEqual(2);
    expect(pair.serverTls.live).toBeLessThanOrEqual(2);
  }
  expect(pair.loop.now).toBeGreaterThan(2 ** 32);
  // Keys live a random part of their time, and some of the last one is left.
  expect(stays.renegotiations).toBeGreaterThan(DAYS * 6 - 2);
  expect(stays.renegotiations).toBeLessThan(1.2 * DAYS * 6);
  expect(server.of('disconnected').map(({ reason }) => reason)).toEqual(Array(DAYS).fill('exit-notify'));
  expect([pair.unknownKeys, pair.badTags]).toEqual([0, 0]);
  expect(pair.faults()).toEqual([]);
});

/** Under this number the server keeps what it knows about all the others. */
const NO_PEER_ID = 0xffffff as PeerId;
