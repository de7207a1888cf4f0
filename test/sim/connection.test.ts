import { describe, expect, test } from '@jest/globals';
import type { WrapOptions } from '@shardvpn/core';
import { freezeWorld } from './frozen-world.js';
import { expectHealthy } from './healthy.js';
import { Pair } from './pair.js';
import type { SimClient } from './sim-client.js';

freezeWorld();

const key = Uint8Array.from({ length: 256 }, (_, i) => (i * 7 + 3) & 255);
const crypt: WrapOptions = { type: 'tls-crypt', key };

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
