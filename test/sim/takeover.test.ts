import { describe, expect, test } from '@jest/globals';
import { asKeyId, type WrapOptions } from '@shardvpn/core';
import { freezeWorld } from './frozen-world.js';
import { Pair, type PairOptions } from './pair.js';
import type { SimClient } from './sim-client.js';
import { talks } from './talks.js';

freezeWorld();

const key = Uint8Array.from({ length: 256 }, (_, i) => (i * 7 + 3) & 255);
const WRAPS: readonly WrapOptions[] = [
  { type: 'none' },
  { type: 'tls-auth', key, direction: 1, digest: 'sha1' },
  { type: 'tls-crypt', key },
];

const usedUp = ({ peerId }: SimClient) => ({ type: 'key-limit' as const, peerId, keyId: asKeyId(0) });

/** Under this number the server keeps what it knows about all the others. */
const NO_PEER_ID = 0xffffff;

/** More the native core does not keep of a client. */
const LARGEST_SNAPSHOT = 64 * 1024;

const crashed = (pair: Pair, downFor = 500): void => {
  pair.server.crash(downFor);
  pair.run(downFor);
};

const connected = (options: PairOptions = {}, generation: '2.4' | '2.5' | '2.6' = '2.6') => {
  const pair = new Pair(options);
  const client = pair.connect({ generation });
  pair.run(3000);
  return { pair, client };
};

describe.each(WRAPS)('a server that goes on after another, with $type', (wrap) => {
  test.each(['2.4', '2.5', '2.6'] as const)(
    'renegotiates soon with a client like %s, which notices nothing',
    (generation) => {
      const { pair, client } = connected({ server: { wrap } }, generation);
      for (let crash = 1; crash <= 9; crash++) {
        crashed(pair);
        expect(talks(pair, client)).toBe(true);
        expect(pair.drive(() => client.renegotiations === crash, 10_000)).toBe(true);
        expect(talks(pair, client)).toBe(true);
      }
      expect(pair.server.of('restored')).toHaveLength(9);
      expect(pair.server.of('connected')).toHaveLength(1);
      expect(pair.faults()).toEqual([]);
      expect(pair.badTags + pair.unknownKeys).toBe(0);
    },
  );

  test('renegotiates at once when the client asks for it', () => {
    const { pair, client } = connected({ server: { wrap } });
    crashed(pair);
    client.run(() => client.core.renegotiate(pair.loop.now));
    expect(pair.drive(() => client.renegotiations === 1, 900)).toBe(true);
    expect(talks(pair, client)).toBe(true);
  });

  test('takes no packet that the server before has had', () => {
    const { pair, client } = connected({ server: { wrap, shards: 4 } });
    client.run(() => client.core.renegotiate(pair.loop.now));
    pair.drive(() => client.renegotiations === 1);
    pair.run(5000);
    const heard = pair.network.capture.filter(({ bytes }) => (bytes[0] ?? 0) >> 3 !== 9);
    crashed(pair);
    const replayed = pair.server.core.drops.replayed;
    for (const { path, bytes } of heard) pair.server.handleDatagram(path, bytes.slice());
    if (wrap.type !== 'none') expect(pair.server.core.drops.replayed - replayed).toBeGreaterThan(5);
    expect(pair.drive(() => client.renegotiations === 2, 10_000)).toBe(true);
    expect(pair.faults()).toEqual([]);
  });
});

describe('a taken-over client', () => {
  test('is where it has moved to in the meantime', () => {
    const { pair, client } = connected({ server: { wrap: { type: 'tls-crypt', key } } });
    pair.server.crash(2000);
    client.rebind(pair.freshPath());
    client.data.chatter();
    pair.run(2000);
    expect(pair.server.of('floated')).toHaveLength(1);
    expect(pair.drive(() => client.renegotiations === 1, 10_000)).toBe(true);
    client.rebind(pair.freshPath());
    client.data.chatter();
    pair.run(100);
    expect(talks(pair, client)).toBe(true);
    expect(pair.server.of('floated')).toHaveLength(2);
  });

  test('that has left in the meantime is gone, with its lease', () => {
    const { pair, client } = connected();
    pair.server.crash(2000);
    pair.server.data.handleCommand({ type: 'touch-peer', peerId: client.peerId });
    client.run(() => client.core.exit(pair.loop.now));
    pair.run(130_000);
    expect(pair.server.leases.size).toBe(0);
    expect(pair.server.data.peers).toEqual([]);
    expect([...pair.server.snapshots.keys()]).toEqual([NO_PEER_ID]);
  });

  test.each([
    ['kicked', 'halt'],
    ['restarted', 'restart'],
  ] as const)('that is %s at once is told so by a renegotiation', (reason, told) => {
    const { pair, client } = connected({ server: { wrap: { type: 'tls-crypt', key } } });
    crashed(pair);
    pair.server.run(() => pair.server.core.disconnect(pair.loop.now, client.peerId, reason, 'that is all'));
    expect(pair.server.data.peers).toEqual([]);
    expect(pair.drive(() => client.ended !== undefined, 3000)).toBe(true);
    expect(client.ended?.reason).toBe(told);
    pair.run(10_000);
    expect(pair.server.ended(reason)).toHaveLength(1);
    expect(pair.server.leases.size).toBe(0);
    expect(pair.serverTls.live).toBe(0);
    expect(pair.faults()).toEqual([]);
  });

  test('that is silent ends by ping-restart, as before', () => {
    const { pair, client } = connected();
    client.kill();
    crashed(pair);
    pair.run(130_000);
    expect(pair.server.ended('ping-restart')).toHaveLength(1);
    expect(pair.server.leases.size).toBe(0);
  });

  test('keeps the times and keys that its lame duck was promised', () => {
    const { pair, client } = connected({ server: { tranWindow: 100, handWindow: 30 } });
    client.run(() => client.core.renegotiate(pair.loop.now));
    pair.drive(() => client.renegotiations === 1);
    pair.run(2000);
    expect(pair.server.data.keysOf(client.peerId)).toEqual([0, 1]);
    crashed(pair);
    pair.run(120_000);
    expect(pair.server.data.keysOf(client.peerId)).toEqual([2]);
    expect(pair.faults()).toEqual([]);
  });

  test.each(['client', 'server'] as const)('whose renegotiation the %s had just begun goes on with that', (who) => {
    const { pair, client } = connected({ tlsDelay: 20, server: { wrap: { type: 'tls-crypt', key } } });
    const resets: string[] = [];
    pair.network.filter = (direction, { bytes }) => {
      if ((bytes[0] ?? 0) >> 3 === 3) resets.push(direction);
      return true;
    };
    if (who === 'client') client.run(() => client.core.renegotiate(pair.loop.now));
    else pair.server.run(() => pair.server.core.handleDataEvent(pair.loop.now, usedUp(client)));
    pair.drive(() => resets.length === 2);
    // The reset of the client has arrived, and its first TLS bytes are on their way.
    pair.run(15);
    crashed(pair);
    expect(pair.drive(() => client.renegotiations === 1, 10_000)).toBe(true);
    expect(talks(pair, client)).toBe(true);
    pair.run(100_000);
    expect(pair.server.data.keysOf(client.peerId)).toContain(1);
    expect(pair.faults()).toEqual([]);
    expect(pair.badTags + pair.unknownKeys).toBe(0);
  });

  describe('in the middle of a renegotiation', () => {
    const wrap: WrapOptions = { type: 'tls-crypt', key };
    const world: PairOptions = { network: { latency: [15, 25], loss: 0.05 }, server: { wrap } };
    const begin = (who: 'client' | 'server', seed: number) => {
      const { pair, client } = connected({ ...world, seed });
      if (who === 'client') client.run(() => client.core.renegotiate(pair.loop.now));
      else pair.server.run(() => pair.server.core.handleDataEvent(pair.loop.now, usedUp(client)));
      return { pair, client };
    };

    test.each(['client', 'server'] as const)('of the %s goes on with it, wherever that was', (who) => {
      let goneOn = 0;
      for (let after = 0; after <= 400; after += 10) {
        const { pair, client } = begin(who, after + 1);
        pair.run(after);
        goneOn += pair.server.keptTls.size;
        crashed(pair, 300);
        expect([after, pair.drive(() => client.renegotiations > 0, 58_000)]).toEqual([after, true]);
        pair.network.conditions = { ...pair.network.conditions, loss: 0 };
        expect([after, talks(pair, client)]).toEqual([after, true]);
        pair.run(100_000);
        expect([after, pair.faults(), pair.badTags, pair.unknownKeys]).toEqual([after, [], 0, 0]);
        expect(pair.server.of('connected')).toHaveLength(1);
        expect(pair.server.data.keysOf(client.peerId)).toEqual(client.data.keysOf(client.peerId));
      }
      expect(goneOn).toBeGreaterThan(10);
    });
  });

  test('that may not have the newest key is sent to with the one before, until the newest has settled', () => {
    const { pair, client } = connected({ tlsDelay: 20, server: { handWindow: 20 } });
    client.run(() => client.core.renegotiate(pair.loop.now));
    pair.drive(() => pair.server.data.keysOf(client.peerId).length === 2);
    expect(client.data.keysOf(client.peerId)).toEqual([0]);
    crashed(pair);
    for (let second = 0; second < 15; second++) expect(talks(pair, client)).toBe(true);
    expect(pair.server.data.sendKeyOf(client.peerId)).toBe(0);
    expect(pair.badTags + pair.unknownKeys).toBe(0);
  });

  test('whose restoration throws loses its peer, and connects again; others do not', () => {
    const { pair, client } = connected({ tlsDelay: 20 });
    const other = pair.connect({ name: 'other' });
    pair.run(1000);
    client.run(() => client.core.renegotiate(pair.loop.now));
    pair.drive(() => pair.server.keptTls.has(client.peerId));
    pair.server.keptTls.set(client.peerId, {});
    crashed(pair);
    expect(pair.server.ended('state-lost')).toMatchObject([
      { detail: expect.stringMatching(/taken over: .*undefined/) },
    ]);
    pair.run(100);
    expect(client.ended?.reason).toBe('restart');
    expect(pair.server.data.peers).toEqual([other.peerId]);
    expect(talks(pair, other)).toBe(true);
    expect([...pair.server.leases.keys()]).toEqual([other.peerId]);
    crashed(pair);
    expect(talks(pair, other)).toBe(true);
    expect(pair.faults()).toEqual([]);
  });

  test('that two servers have died over ends with the second one; others do not', () => {
    const { pair, client } = connected();
    const other = pair.connect({ name: 'other' });
    pair.server.deaths.set(client.peerId, 1);
    crashed(pair);
    expect(pair.server.ended('state-lost')).toEqual([]);
    pair.server.deaths.set(client.peerId, 2);
    crashed(pair);
    expect(pair.server.ended('state-lost')).toMatchObject([
      { peerId: client.peerId, detail: expect.stringContaining('2 workers') },
    ]);
    expect(pair.server.data.peers).toEqual([other.peerId]);
    expect(talks(pair, other)).toBe(true);
    pair.run(100);
    expect(client.ended?.reason).toBe('restart');
    expect(pair.faults()).toEqual([]);
  });

  test('is who the server says it is busy with, as long as it is', () => {
    const { pair, client } = connected();
    const other = pair.connect({ name: 'other' });
    pair.run(1000);
    const begun = pair.server.busyWith.length;
    client.run(() => client.core.renegotiate(pair.loop.now));
    expect(pair.drive(() => client.renegotiations === 1)).toBe(true);
    const busy = pair.server.busyWith.slice(begun);
    expect(busy).toContain(client.peerId);
    expect(busy).not.toContain(other.peerId);
    expect(busy.filter((_, at) => at % 2 === 1).every((peerId) => peerId === null)).toBe(true);
    expect(busy.at(-1)).toBe(null);
  });

  test('whose snapshot is damaged loses its peer, and connects again; others do not', () => {
    const { pair, client } = connected();
    const other = pair.connect({ name: 'other' });
    pair.run(1000);
    const bytes = pair.server.snapshots.get(client.peerId);
    bytes?.fill(0, 40, 60);
    crashed(pair);
    expect(pair.server.ended('state-lost')).toHaveLength(1);
    pair.run(100);
    expect(client.ended?.reason).toBe('restart');
    expect(pair.server.data.peers).toEqual([other.peerId]);
    expect(talks(pair, other)).toBe(true);
    expect([...pair.server.leases.keys()]).toEqual([other.peerId]);
    expect(pair.connect({ name: 'third' }).peerId).not.toBe(other.peerId);
  });
});

test('what waits for a client that acknowledges nothing makes no large snapshot, and the client is taken over', () => {
  const push = Array.from({ length: 1500 }, (_, n) => `route 10.${100 + (n >> 8)}.${n & 255}.0 255.255.255.0`);
  const pair = new Pair({ server: { push } });
  const { server } = pair;
  pair.network.filter = (direction) => direction === 'down' || server.of('connected').length === 0;
  pair.join();
  expect(pair.drive(() => server.of('connected').length === 1)).toBe(true);
  pair.run(5000);
  const sizes = [...server.snapshots].flatMap(([peerId, { length }]) => (peerId === NO_PEER_ID ? [] : [length]));
  expect(sizes).toEqual([expect.any(Number)]);
  expect(sizes[0]).toBeLessThan(LARGEST_SNAPSHOT);
  crashed(pair);
  expect(server.of('restored')).toHaveLength(1);
  expect(pair.faults()).toEqual([]);
});

test('a handshake under way is begun again by the client, and its lease is free', () => {
  const pair = new Pair({ server: { wrap: { type: 'tls-crypt', key }, handWindow: 20 } });
  pair.server.answerDelay = 2000;
  const client = pair.join({ client: { handWindow: 20 } });
  pair.drive(() => pair.server.leases.size === 1);
  crashed(pair);
  expect(pair.server.leases.size).toBe(0);
  pair.server.answerDelay = 0;
  expect(client.isConnected).toBe(false);
  expect(pair.connect({ path: pair.freshPath() }).isConnected).toBe(true);
});
