import { describe, expect, test } from '@jest/globals';
import { asKeyId, type WrapOptions } from '@shardvpn/core';
import { freezeWorld } from './frozen-world.js';
import { certificateOf, Pair, SERVER_OPTIONS } from './pair.js';
import type { SimClient } from './sim-client.js';

freezeWorld();

const key = Uint8Array.from({ length: 256 }, (_, i) => (i * 7 + 3) & 255);
const crypt: WrapOptions = { type: 'tls-crypt', key };

describe('renegotiation', () => {
  test.each(['2.6', '2.5', '2.4'] as const)('from the server, client %s, without a packet lost', (generation) => {
    const pair = new Pair({ server: { wrap: crypt, renegSec: 100 } });
    const client = pair.connect({ generation });
    chatterFor(pair, client, 1000);
    expect(client.renegotiations).toBeGreaterThanOrEqual(9);
    expectHealthy(pair, client);
  });

  test('key ids go on from 7 to 1, never to 0', () => {
    const pair = new Pair({ server: { renegSec: 20 } });
    const client = pair.connect();
    const seen: (number | null)[] = [];
    for (let turn = 0; turn < 1000 && seen.length < 12; turn++) {
      pair.run(500);
      const keyId = client.data.sendKeyOf(client.peerId);
      if (keyId !== seen.at(-1)) {
        seen.push(keyId);
      }
    }
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4]);
    expectHealthy(pair, client);
  });

  test('from the client', () => {
    const pair = new Pair({ server: { renegSec: 0, wrap: crypt } });
    const client = pair.connect({ client: { renegSec: 60 } });
    chatterFor(pair, client, 600);
    expect(client.renegotiations).toBeGreaterThanOrEqual(8);
    expect(pair.server.of('authenticate').filter((event) => event.renegotiation).length).toBe(client.renegotiations);
    expectHealthy(pair, client);
  });

  test('from both sides in the same moment', () => {
    const pair = new Pair({ server: { wrap: crypt } });
    const client = pair.connect();
    pair.run(1000);
    client.run(() => client.core.renegotiate(pair.loop.now));
    pair.server.run(() =>
      pair.server.core.handleDataEvent(pair.loop.now, { type: 'key-limit', peerId: client.peerId, keyId: 0 as never }),
    );
    pair.run(5000);
    expect(client.renegotiations).toBe(1);
    chatterFor(pair, client, 70);
    expectHealthy(pair, client);
  });

  test.each([1, 2, 3, 4, 5, 6])('under 30 %% loss, from both sides, seed %i', (seed) => {
    const pair = new Pair({ seed, server: { wrap: crypt, renegSec: 300 } });
    const client = pair.connect({ client: { renegSec: 290 } });
    pair.network.conditions = { ...pair.network.conditions, loss: 0.3, latency: [5, 80] };
    chatterFor(pair, client, 2000);
    expect(client.renegotiations).toBeGreaterThanOrEqual(5);
    expect(client.isConnected).toBe(true);
    expect(pair.faults()).toEqual([]);
  });

  test('the old key is sent with until both sides surely have the new one', () => {
    const pair = new Pair({ server: { renegSec: 1000, handWindow: 60 } });
    const client = pair.connect();
    const { peerId } = client;
    pair.drive(() => client.renegotiations === 1, 1_100_000);
    expect(pair.server.data.keysOf(peerId)).toEqual([0, 1]);
    pair.run(50_000);
    expect(pair.server.data.sendKeyOf(peerId)).toBe(0);
    pair.run(12_000);
    expect(pair.server.data.sendKeyOf(peerId)).toBe(1);
    expectHealthy(pair, client);
  });

  test('the replaced key is good for tran-window', () => {
    const pair = new Pair({ server: { renegSec: 1000, tranWindow: 300 } });
    const client = pair.connect();
    pair.drive(() => client.renegotiations === 1, 1_100_000);
    pair.run(290_000);
    expect(pair.server.data.keysOf(client.peerId)).toEqual([0, 1]);
    pair.run(20_000);
    expect(pair.server.data.keysOf(client.peerId)).toEqual([1]);
    expectHealthy(pair, client);
  });

  test('the dynamic tls-crypt wrapper protects key ids above 0, even where there was no wrapping', () => {
    for (const wrap of [
      { type: 'none' } as const,
      crypt,
      { type: 'tls-auth', key, direction: 0, digest: 'sha1' } as const,
    ]) {
      const pair = new Pair({ server: { wrap, renegSec: 30 } });
      const client = pair.connect();
      const before = pair.network.capture.length;
      pair.drive(() => client.renegotiations === 3);
      const softReset = pair.network.capture.slice(before).find(({ bytes }) => (bytes[0] ?? 0) >> 3 === 3);
      expect(softReset?.bytes.length).toBe(9 + 8 + 32 + 1 + 4 + 8 + 4);
      expectHealthy(pair, client);
    }
  });

  test('a changed certificate or username is refused and ends the client', () => {
    const pair = new Pair({ server: { renegSec: 60 } });
    let name = 'alice';
    const certificate = {
      ...certificateOf('alice'),
      get commonName() {
        return name;
      },
    };
    const client = pair.connect({ certificate });
    name = 'mallory';
    pair.drive(() => client.ended !== undefined);
    expect(client.ended?.reason).toBe('auth-failed');
    expect(pair.server.of('disconnected')[0]?.detail).toContain("from 'alice' to 'mallory'");
    expect(pair.server.leases.size).toBe(0);
  });

  test('authentication refused at a renegotiation ends the client', () => {
    const pair = new Pair({ server: { renegSec: 60 } });
    pair.server.decide = (_identity, _password, renegotiation) =>
      renegotiation ? { type: 'refuse', reason: 'account locked' } : { type: 'accept' };
    const client = pair.connect();
    pair.drive(() => client.ended !== undefined);
    expect(client.ended).toMatchObject({ reason: 'auth-failed', detail: 'account locked' });
    expect(pair.server.data.peers).toEqual([]);
  });

  test('a failed renegotiation leaves the old key, and the next attempt succeeds', () => {
    const pair = new Pair({ server: { renegSec: 200 } });
    const client = pair.connect();
    pair.network.filter = (_direction, { bytes }) => !isControl(bytes);
    chatterFor(pair, client, 300);
    expect(client.renegotiations).toBe(0);
    pair.network.filter = () => true;
    chatterFor(pair, client, 300);
    expect(client.renegotiations).toBeGreaterThan(0);
    expectHealthy(pair, client);
  });

  test('without any successful renegotiation the client is gone after tran-window', () => {
    const pair = new Pair({ server: { renegSec: 100, tranWindow: 400 } });
    const client = pair.connect();
    pair.network.filter = (_direction, { bytes }) => !isControl(bytes);
    chatterFor(pair, client, 600);
    expect(pair.server.ended('renegotiation-failed')).toHaveLength(1);
    expect(pair.server.leases.size).toBe(0);
  });
});

describe('addresses', () => {
  test('float: data moves the client, and the renegotiation comes from the new address', () => {
    const pair = new Pair({ server: { wrap: crypt, renegSec: 60 } });
    const client = pair.connect();
    client.rebind(pair.freshPath());
    client.data.chatter();
    pair.run(100);
    expect(pair.server.of('floated')[0]).toMatchObject({ peerId: client.peerId, path: client.path });
    expect(pair.drive(() => client.renegotiations === 1)).toBe(true);
    expectHealthy(pair, client);
  });

  test('handshakes under the id of a client give way when it moves to their addresses', () => {
    const pair = new Pair({ server: { maxSessions: 2 } });
    const client = pair.connect();
    const reset = pair.network.capture[0]?.bytes ?? new Uint8Array(0);
    for (let move = 0; move < 3; move++) {
      const path = pair.freshPath();
      let cookie = new Uint8Array(0);
      pair.network.attachClient(path, (_, bytes) => {
        cookie = bytes.slice(1, 9);
      });
      pair.server.handleDatagram(path, reset);
      pair.run(100);
      pair.server.handleDatagram(path, Uint8Array.of(5 << 3, ...reset.slice(1, 9), 1, 0, 0, 0, 0, ...cookie));
      expect(pair.server.core.handshakes).toBe(1);
      pair.network.detachClient(path);
      client.rebind(path);
      client.data.chatter();
      pair.run(100);
      expect(pair.server.of('floated')).toHaveLength(move + 1);
      expect(pair.server.core.handshakes).toBe(0);
    }
    expect(pair.connect({ name: 'bob' }).isConnected).toBe(true);
    expectHealthy(pair, client);
  });

  test('a client that starts anew replaces its old self only after authentication', () => {
    const pair = new Pair();
    const old = pair.connect({ name: 'alice' });
    old.kill();
    pair.server.answerDelay = 2000;
    const next = pair.join({ name: 'alice', path: old.path });
    pair.run(1500);
    expect(pair.server.data.peers).toEqual([old.peerId]);
    pair.drive(() => next.isConnected);
    expect(pair.server.data.peers).toEqual([next.peerId]);
    expect(next.peerId).not.toBe(old.peerId);
    expect(pair.server.ended('replaced')).toHaveLength(1);
    expect(pair.faults()).toEqual([]);
  });

  test('moving to the address of an older self closes that one, of a stranger nothing', () => {
    const pair = new Pair();
    const [old, stranger] = [pair.connect({ name: 'alice' }), pair.connect({ name: 'bob' })];
    const alice = pair.connect({ name: 'alice' });
    const conflict = (holder: SimClient) =>
      pair.server.run(() =>
        pair.server.core.handleDataEvent(pair.loop.now, {
          type: 'float-conflict',
          peerId: alice.peerId,
          holder: holder.peerId,
          path: holder.path,
        }),
      );
    conflict(stranger);
    expect(pair.server.of('float-conflict')).toHaveLength(1);
    expect(pair.server.of('disconnected')).toHaveLength(0);
    conflict(old);
    expect(pair.server.of('disconnected')).toMatchObject([{ peerId: old.peerId, reason: 'replaced' }]);
  });

  test('numbers of clients that left rest for a while', () => {
    const pair = new Pair();
    const first = pair.connect();
    const { peerId } = first;
    first.run(() => first.core.exit(pair.loop.now));
    pair.run(10_000);
    expect(pair.connect().peerId).not.toBe(peerId);
    pair.run(60_000);
    expect(pair.connect().peerId).toBe(peerId);
  });
});

describe('leaving', () => {
  test('EXIT on the control channel', () => {
    const pair = new Pair();
    const client = pair.connect();
    client.run(() => client.core.exit(pair.loop.now));
    pair.run(7000);
    expect(pair.server.ended('exit-notify')).toHaveLength(1);
    expect(client.core.isEnded).toBe(true);
    expectNobody(pair);
  });

  test('EXIT on the control channel under loss', () => {
    const pair = new Pair({ seed: 5, network: { loss: 0.3 } });
    const client = pair.connect();
    client.run(() => client.core.exit(pair.loop.now));
    pair.run(20_000);
    expect(pair.server.ended('exit-notify')).toHaveLength(1);
    expectNobody(pair);
  });

  test.each([0, 10, 20, 30, 40, 60, 80, 100, 150, 200, 300])('EXIT %i ms after a renegotiation began', (delay) => {
    const pair = new Pair();
    const client = pair.connect();
    client.run(() => client.core.renegotiate(pair.loop.now));
    pair.run(delay);
    client.run(() => client.core.exit(pair.loop.now));
    pair.run(7000);
    expect(pair.server.ended('exit-notify')).toHaveLength(1);
    expectNobody(pair);
  });

  const MOMENTS = [0, 10, 20, 30, 40, 60, 80, 100, 150, 200, 300];
  const SIDES = ['client', 'server'] as const;

  describe.each(SIDES)('after a renegotiation began, by the %s', (side) => {
    const begun = (delay: number) => {
      const pair = new Pair({ tlsDelay: 2 });
      const client = pair.connect();
      pair.run(2000);
      const { peerId } = client;
      if (side === 'client') client.run(() => client.core.renegotiate(pair.loop.now));
      else
        pair.server.run(() =>
          pair.server.core.handleDataEvent(pair.loop.now, { type: 'key-limit', peerId, keyId: asKeyId(0) }),
        );
      pair.run(delay);
      return { pair, client, peerId };
    };

    test.each(MOMENTS)('HALT %i ms later', (delay) => {
      const { pair, client, peerId } = begun(delay);
      pair.server.run(() => pair.server.core.disconnect(pair.loop.now, peerId, 'kicked', 'go away'));
      pair.run(7000);
      expect(client.ended).toMatchObject({ reason: 'halt', detail: 'go away' });
      expectNobody(pair);
    });

    test.each(MOMENTS)('a shutdown %i ms later', (delay) => {
      const { pair, client } = begun(delay);
      pair.server.run(() => pair.server.core.shutdown(pair.loop.now));
      expect(pair.drive(() => pair.server.core.isDrained, 2100)).toBe(true);
      pair.run(100);
      expect(client.ended).toMatchObject({ reason: 'restart' });
      expectNobody(pair);
    });

    test('HALT to nobody ends with the linger', () => {
      const { pair, client, peerId } = begun(10);
      client.kill();
      pair.server.run(() => pair.server.core.disconnect(pair.loop.now, peerId, 'kicked', ''));
      pair.run(5100);
      expectNobody(pair);
    });
  });

  test('a data thread that starts anew: RESTART for everybody, leases back, and all can come again', () => {
    const pair = new Pair({ server: { explicitExitNotify: 0 } });
    const clients = [pair.connect(), pair.connect()];
    const begins = pair.join();
    pair.run(30);
    pair.server.data.reset();
    pair.run(7000);
    for (const client of clients) expect(client.ended).toMatchObject({ reason: 'restart', nextServer: false });
    expect(pair.server.ended('data-reset')).toHaveLength(2);
    expect(pair.server.leases.size).toBe(1);
    expectHealthy(pair, begins);
    expectHealthy(pair, pair.connect());
  });

  test('EXIT in the data channel', () => {
    const pair = new Pair();
    const client = pair.connect({ generation: '2.5', client: { exitNotify: true } });
    client.run(() => client.core.exit(pair.loop.now));
    pair.run(7000);
    expect(pair.server.ended('exit-notify')).toHaveLength(1);
    expectNobody(pair);
  });

  test('silence ends both sides', () => {
    const pair = new Pair();
    const client = pair.connect();
    pair.network.filter = () => false;
    pair.run(65_000);
    expect(client.ended?.reason).toBe('ping-restart');
    pair.run(60_000);
    expect(pair.server.ended('ping-restart')).toHaveLength(1);
    expectNobody(pair);
  });

  test('pings keep an idle connection', () => {
    const pair = new Pair();
    const client = pair.connect();
    pair.run(600_000);
    expectHealthy(pair, client);
  });

  test('kicked: HALT with the words of whoever did it', () => {
    const pair = new Pair();
    const client = pair.connect();
    pair.server.run(() => pair.server.core.disconnect(pair.loop.now, client.peerId, 'kicked', 'go away'));
    pair.run(7000);
    expect(client.ended).toMatchObject({ reason: 'halt', detail: 'go away' });
    expectNobody(pair);
  });

  test('restarted: RESTART whatever explicit-exit-notify says, and the client may come back', () => {
    const pair = new Pair({ server: { explicitExitNotify: 0 } });
    const client = pair.connect();
    pair.server.run(() => pair.server.core.disconnect(pair.loop.now, client.peerId, 'restarted', ''));
    pair.run(7000);
    expect(client.ended).toMatchObject({ reason: 'restart', nextServer: false });
    expectNobody(pair);
    expectHealthy(pair, pair.connect());
  });

  test('a listener that is closed: its clients are told to go elsewhere, and nobody gets in there', () => {
    const pair = new Pair({ server: { explicitExitNotify: 0 } });
    const [stays, leaves] = [pair.connect(), pair.connect({ path: { listener: 3, host: '192.0.2.8', port: 5000 } })];
    const begins = pair.join({ path: { listener: 3, host: '192.0.2.9', port: 5000 } });
    pair.run(30);
    pair.server.run(() => pair.server.core.leaveListener(pair.loop.now, 3));
    pair.join({ path: { listener: 3, host: '192.0.2.10', port: 5000 } });
    pair.run(7000);
    expect(leaves.ended).toMatchObject({ reason: 'restart', nextServer: true });
    expect(begins.isConnected).toBe(false);
    expect(pair.server.ended('listener-closed')).toHaveLength(2);
    expect(pair.server.core.handshakes).toBe(0);
    expect(pair.server.core.drops['session-closing']).toBeGreaterThan(0);
    expectHealthy(pair, stays);
  });

  test('the data thread hears how unknown clients are answered, and when nobody is any more', () => {
    const tlsCryptV2 = { serverKey: new Uint8Array(128).fill(3), forceCookie: true, maxAge: null };
    const pair = new Pair({ server: { handWindow: 60 } });
    const { core, data } = pair.server;
    pair.server.run(() => undefined);
    const first = data.admission;
    pair.run(3000);
    expect(first).toMatchObject({ wrap: { type: 'none' }, tlsCryptV2Key: null, slotSeconds: 30 });
    pair.server.run(() => core.reconfigure(pair.loop.now, { ...SERVER_OPTIONS, tlsCryptV2, handWindow: 20 }));
    expect(data.admission).toMatchObject({ tlsCryptV2Key: tlsCryptV2.serverKey, slotSeconds: 10 });
    expect((data.admission?.unixNow ?? 0) - (first?.unixNow ?? 0)).toBe(3);
    pair.server.run(() => core.shutdown(pair.loop.now));
    expect(data.admission).toBeNull();
  });

  test('new options are for new clients: nobody else notices', () => {
    const pair = new Pair({ server: { push: ['dns 1'], pingTimeout: 120 } });
    const before = pair.connect();
    pair.server.run(() =>
      pair.server.core.reconfigure(pair.loop.now, {
        ...SERVER_OPTIONS,
        push: ['dns 2'],
        handWindow: 20,
        maxSessions: 2,
      }),
    );
    const after = pair.connect();
    const pushed = [before, after].map(({ connected }) =>
      connected?.options.all.filter((option) => /^dns/.test(option)),
    );
    expect(pushed).toEqual([['dns 1'], ['dns 2']]);
    pair.join();
    pair.run(5000);
    expect(pair.server.core.drops['too-many-sessions']).toBeGreaterThan(0);
    pair.run(4000_000);
    expectHealthy(pair, before);
    expectHealthy(pair, after);
  });

  test.each([
    { explicitExitNotify: 1, nextServer: false },
    { explicitExitNotify: 2, nextServer: true },
  ] as const)(
    'shutdown tells everybody: explicit-exit-notify $explicitExitNotify',
    ({ explicitExitNotify, nextServer }) => {
      const pair = new Pair({ server: { explicitExitNotify }, tlsDelay: 3 });
      const clients = [pair.connect(), pair.connect(), pair.connect()];
      pair.join();
      pair.drive(() => pair.server.core.handshakes > 0);
      pair.server.run(() => pair.server.core.shutdown(pair.loop.now));
      expect(pair.server.core.isDrained).toBe(false);
      expect(pair.drive(() => pair.server.core.isDrained, 2100)).toBe(true);
      pair.run(100);
      expect(clients.map((client) => client.ended)).toEqual(
        clients.map(() => expect.objectContaining({ reason: 'restart', nextServer })),
      );
      expectNobody(pair);
    },
  );

  test('shutdown without notice is immediate, and nobody is let in any more', () => {
    const pair = new Pair({ server: { explicitExitNotify: 0 } });
    const client = pair.connect();
    pair.server.run(() => pair.server.core.shutdown(pair.loop.now));
    expect(pair.server.core.isDrained).toBe(true);
    pair.join();
    pair.run(100);
    expect(client.ended).toBeUndefined();
    expect(pair.server.core.drops['session-closing']).toBe(1);
  });

  test('a client that is killed frees its address', () => {
    const pair = new Pair();
    pair.server.poolSize = 1;
    pair.connect().kill();
    pair.run(125_000);
    expect(pair.server.ended('ping-restart')).toHaveLength(1);
    pair.connect();
  });
});

describe('the wish for options', () => {
  test('an older client asks again and again while it waits, and is connected once', () => {
    const pair = new Pair({ tlsDelay: 1 });
    pair.server.answerDelay = 20_000;
    const client = pair.connect({ generation: '2.4' });
    pair.run(40_000);
    expect(client.events.filter((event) => event.type === 'connected')).toHaveLength(1);
    expect(pair.server.of('authenticate')).toHaveLength(1);
    expect(pair.server.of('lease')).toHaveLength(1);
  });
});

const isControl = (bytes: Uint8Array): boolean => {
  const opcode = (bytes[0] ?? 0) >> 3;
  return opcode !== 6 && opcode !== 9;
};

/** A packet each way every second. */
const chatterFor = (pair: Pair, client: SimClient, seconds: number): void => {
  for (let i = 0; i < seconds; i++) {
    pair.run(1000);
    if (client.isConnected) {
      client.data.chatter();
    }
    pair.server.data.chatter();
  }
};

const expectHealthy = (pair: Pair, client: SimClient): void => {
  expect(client.isConnected).toBe(true);
  expect([pair.unknownKeys, pair.badTags]).toEqual([0, 0]);
  expect(pair.faults()).toEqual([]);
};

const expectNobody = (pair: Pair): void => {
  expect(pair.server.leases.size).toBe(0);
  expect(pair.server.data.peers).toEqual([]);
  expect(pair.server.core.pollTimeout()).toBeUndefined();
  expect(pair.serverTls.live).toBe(0);
  expect(pair.faults()).toEqual([]);
};
