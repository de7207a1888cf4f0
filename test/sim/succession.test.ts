import { describe, expect, test } from '@jest/globals';
import { asKeyId, type Generation, type Path, pathKey, type WrapOptions } from '@shardvpn/core';
import { freezeWorld } from './frozen-world.js';
import { type JoinOptions, Pair, type PairOptions } from './pair.js';
import type { SimClient } from './sim-client.js';
import { talks } from './talks.js';

freezeWorld();

const wrap: WrapOptions = { type: 'tls-crypt', key: Uint8Array.from({ length: 256 }, (_, i) => (i * 7 + 3) & 255) };

interface Doubt {
  readonly pair: Pair;
  readonly path: Path;
  readonly client: SimClient;
}

/** A client whose renegotiation has been left in its middle after `earlier` ones, and whose power has gone then. */
const leftInDoubt = (earlier: number, generation: Generation = '2.6', options: PairOptions = {}): Doubt => {
  const pair = new Pair({ ...options, server: { wrap, ...options.server } });
  const path = pair.freshPath();
  const client = pair.connect({ name: 'client1', path, generation });
  pair.run(3000);
  for (let done = 0; done < earlier; done++) {
    client.run(() => client.core.renegotiate(pair.loop.now));
    expect(pair.drive(() => client.renegotiations > done)).toBe(true);
    pair.run(100_000);
  }
  pair.network.filter = (direction) => direction === 'up';
  client.run(() => client.core.renegotiate(pair.loop.now));
  pair.run(2000);
  client.kill();
  pair.network.filter = () => true;
  return { pair, path, client };
};

/** Connected, and with the key that the server uses by then. */
const beginsAnew = (pair: Pair, options: JoinOptions): SimClient => {
  const client = pair.connect(options);
  pair.run(1000);
  return client;
};

const renegotiates = (pair: Pair, client: SimClient, by: 'client' | 'server'): boolean => {
  const had = client.renegotiations;
  const { peerId } = client;
  if (by === 'client') client.run(() => client.core.renegotiate(pair.loop.now));
  else {
    const keyId = asKeyId(pair.server.data.sendKeyOf(peerId) ?? 0);
    pair.server.run(() => pair.server.core.handleDataEvent(pair.loop.now, { type: 'key-limit', peerId, keyId }));
  }
  return pair.drive(() => client.renegotiations > had, 20_000);
};

describe('a client that begins anew from the same address', () => {
  const every = [0, 1, 2, 7, 8].flatMap((earlier) =>
    (['2.4', '2.5', '2.6'] as const).map((like) => [earlier, like] as const),
  );
  test.each(every)('after %i renegotiations and one that has failed, like %s, is who it was', (earlier, generation) => {
    for (const crashes of [false, true]) {
      const { pair, path, client } = leftInDoubt(earlier, generation);
      if (crashes) {
        pair.server.keptTls.clear();
        pair.server.crash(300);
        pair.run(500);
      }
      const address = pair.server.leases.get(client.peerId);
      const anew = beginsAnew(pair, { name: 'client1', path, generation });
      expect(anew.peerId).toBe(client.peerId);
      expect([...pair.server.leases]).toEqual([[client.peerId, address]]);
      expect(talks(pair, anew)).toBe(true);
      expect(pair.server.of('connected')).toHaveLength(1);
      expect(pair.server.of('disconnected')).toEqual([]);
      for (const by of ['client', 'server', 'client'] as const) {
        expect([by, renegotiates(pair, anew, by)]).toEqual([by, true]);
        expect(talks(pair, anew)).toBe(true);
        pair.run(100_000);
      }
      expect(pair.server.data.keysOf(anew.peerId)).toEqual(anew.data.keysOf(anew.peerId));
      expect(pair.server.faults).toEqual([]);
      expect(pair.server.data.faults).toEqual([]);
    }
  });

  test.each(every)('after %i renegotiations loses no packet, like %s', (earlier, generation) => {
    const { pair, path } = leftInDoubt(earlier, generation);
    const anew = pair.join({ name: 'client1', path, generation });
    const { data } = pair.server;
    const before = data.received;
    let sent = 0;
    for (let step = 0; step < 500; step++) {
      if (anew.data.peers.length > 0) {
        anew.data.chatter();
        sent++;
      }
      data.chatter();
      pair.run(4);
    }
    pair.run(100);
    expect(sent).toBeGreaterThan(100);
    expect([data.received - before, data.badTag, data.unknownKey]).toEqual([sent, 0, 0]);
    expect(anew.data.received).toBeGreaterThan(100);
    expect(data.faults).toEqual([]);
  });

  test.each([0, 1])(
    'and again before it was heard of, after %i renegotiations, keeps the key that it has',
    (earlier) => {
      const { pair, path, client } = leftInDoubt(earlier);
      const working = pair.server.data.fingerprint(client.peerId, asKeyId(earlier), 'seal');
      for (const attempt of [1, 2, 3]) {
        const lost = pair.join({ name: 'client1', path });
        // Its last word, and every ack after it, does not arrive.
        pair.drive(() => pair.server.of('renegotiated').length === earlier + attempt);
        pair.network.filter = (direction) => direction === 'down';
        lost.kill();
        pair.run(5000);
        pair.network.filter = () => true;
      }
      expect(pair.server.data.keysOf(client.peerId)).toHaveLength(2);
      expect(pair.server.data.sendKeyOf(client.peerId)).toBe(earlier);
      const anew = beginsAnew(pair, { name: 'client1', path });
      expect([anew.peerId, talks(pair, anew)]).toEqual([client.peerId, true]);
      pair.run(30_000);
      expect(pair.server.data.fingerprint(client.peerId, asKeyId(earlier), 'seal') === working).toBe(earlier > 0);
      expect(pair.server.data.faults).toEqual([]);
    },
  );

  test('in the middle of its renegotiation is handed over like any other', () => {
    const { pair, path } = leftInDoubt(0);
    const anew = beginsAnew(pair, { name: 'client1', path });
    pair.server.crash(300);
    pair.run(500);
    expect(pair.server.of('restored').map(({ client }) => client.peerId)).toEqual([anew.peerId]);
    expect(pair.drive(() => anew.renegotiations === 1, 10_000)).toBe(true);
    expect(talks(pair, anew)).toBe(true);
    pair.run(1000);
    anew.run(() => anew.core.exit(pair.loop.now));
    pair.run(10_000);
    expect(pair.server.data.peers).toEqual([]);
    expect(pair.server.leases.size).toBe(0);
    expect(pair.serverTls.live).toBe(0);
  });

  test('while its newest key is not yet in use, is who it was', () => {
    const pair = new Pair({ server: { wrap }, tlsDelay: 20 });
    const path = pair.freshPath();
    const client = pair.connect({ name: 'client1', path });
    pair.run(3000);
    client.run(() => client.core.renegotiate(pair.loop.now));
    expect(pair.drive(() => pair.server.data.keysOf(client.peerId).length === 2)).toBe(true);
    client.kill();
    const anew = beginsAnew(pair, { name: 'client1', path });
    expect(anew.peerId).toBe(client.peerId);
    expect(talks(pair, anew)).toBe(true);
    expect(pair.server.data.faults).toEqual([]);
  });

  test('while nothing is in doubt, is somebody new', () => {
    const pair = new Pair({ server: { wrap } });
    const path = pair.freshPath();
    const client = pair.connect({ name: 'client1', path });
    pair.run(3000);
    client.kill();
    const anew = beginsAnew(pair, { name: 'client1', path });
    expect(anew.peerId).not.toBe(client.peerId);
    expect(pair.server.ended('replaced')).toHaveLength(1);
    expect(pair.server.leases.size).toBe(1);
  });

  test.each([
    ['another certificate', { name: 'client2' }],
    ['another cipher', { name: 'client1', client: { dataCiphers: ['CHACHA20-POLY1305'] } }],
    ['packets of another form', { name: 'client1', client: { peerInfo: new Map([['IV_CIPHERS', 'AES-256-GCM']]) } }],
    ['another way to make keys', { name: 'client1', generation: '2.5' }],
  ] as const)('with %s is somebody new', (_, join) => {
    const { pair, path, client } = leftInDoubt(0);
    const anew = beginsAnew(pair, { ...join, path });
    expect(pair.server.ended('replaced')).toHaveLength(1);
    expect(pair.server.leases.size).toBe(1);
    expect(pair.server.leases.has(client.peerId)).toBe(false);
    expect(talks(pair, anew)).toBe(true);
    expect(pair.faults()).toEqual([]);
  });

  test('and is not let in leaves the tunnel as it is', () => {
    const { pair, path, client } = leftInDoubt(0);
    pair.server.decide = () => ({ type: 'refuse', reason: 'no' });
    const anew = pair.join({ name: 'client1', path });
    expect(pair.drive(() => anew.ended !== undefined)).toBe(true);
    expect(pair.server.data.peers).toEqual([client.peerId]);
    expect(pair.server.ended('replaced')).toEqual([]);
  });
});

describe('a client that begins anew', () => {
  /** The first packet of somebody else, as a stranger may have captured it. */
  const resetOf = (pair: Pair): Uint8Array => {
    const path = pair.freshPath();
    pair.connect({ name: 'somebody else', path });
    const first = pair.network.capture.find((sent) => pathKey(sent.path) === pathKey(path));
    return first?.bytes ?? new Uint8Array(0);
  };

  test.each([false, true])('is answered however many resets strangers send in its name, crashed: %s', (crashes) => {
    const server = { connectFreqInitial: { count: 3, seconds: 1000 } };
    const { pair, path, client } = leftInDoubt(0, '2.6', { server });
    const reset = resetOf(pair);
    if (crashes) {
      pair.server.keptTls.clear();
      pair.server.crash(300);
      pair.run(500);
    }
    const anew = pair.join({ name: 'client1', path });
    for (let step = 0; step < 50; step++) {
      for (let n = 0; n < 20; n++) pair.server.handleDatagram(path, reset);
      pair.run(100);
    }
    expect([anew.peerId, talks(pair, anew)]).toEqual([client.peerId, true]);
    expect(pair.server.core.drops['rate-limited']).toBe(0);
    expect(pair.server.core.handshakes).toBe(0);
    for (let n = 0; n < 20; n++) pair.server.handleDatagram(pair.freshPath(), reset);
    expect(pair.server.core.drops['rate-limited']).toBeGreaterThan(15);
  });

  test('comes in however many strangers are at the door, and only once at a time', () => {
    const { pair, path, client } = leftInDoubt(0, '2.6', { server: { maxSessions: 4 } });
    pair.server.decide = () => undefined;
    for (let n = 0; n < 6; n++) pair.join({ name: `stranger${n}` });
    pair.run(3000);
    const refused = pair.server.core.drops['too-many-sessions'];
    expect([pair.server.core.handshakes, refused > 0]).toEqual([3, true]);
    pair.server.decide = () => ({ type: 'accept' });
    const anew = beginsAnew(pair, { name: 'client1', path });
    expect([anew.peerId, talks(pair, anew)]).toEqual([client.peerId, true]);
    expect(pair.server.core.handshakes).toBe(3);
  });
});
