import { describe, expect, test } from '@jest/globals';
import type { WrapOptions } from '@shardvpn/core';
import { freezeWorld } from './frozen-world.js';
import { expectHealthy } from './healthy.js';
import { certificateOf, Pair } from './pair.js';
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
