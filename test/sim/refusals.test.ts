import { describe, expect, test } from '@jest/globals';
import type { ClientOptions, DropReason, ServerOptions, WrapOptions } from '@shardvpn/core';
import { freezeWorld } from './frozen-world.js';
import { Pair } from './pair.js';

freezeWorld();

const key = Uint8Array.from({ length: 256 }, (_, i) => (i * 11 + 5) & 255);
const otherKey = Uint8Array.from({ length: 256 }, (_, i) => (i * 13 + 9) & 255);
const NONE: WrapOptions = { type: 'none' };
const CRYPT: WrapOptions = { type: 'tls-crypt', key };
const auth = (direction: 0 | 1 | null, digest: 'sha1' | 'sha256' = 'sha1', of = key): WrapOptions => ({
  type: 'tls-auth',
  key: of,
  direction,
  digest,
});

const CASES: readonly (readonly [string, WrapOptions, WrapOptions, DropReason])[] = [
  ['the same key-direction on both sides', auth(0), auth(0), 'wrong-key-direction'],
  ['another tls-auth key', auth(0), auth(1, 'sha1', otherKey), 'bad-hmac'],
  ['another digest', auth(0), auth(1, 'sha256'), 'other-wrapping'],
  ['tls-crypt where tls-auth is wanted', auth(0), CRYPT, 'other-wrapping'],
  ['tls-auth where tls-crypt is wanted', CRYPT, auth(null), 'other-wrapping'],
  ['another tls-crypt key', CRYPT, { type: 'tls-crypt', key: otherKey }, 'bad-hmac'],
  ['no wrapping where tls-crypt is wanted', CRYPT, NONE, 'missing-wrapping'],
  ['no wrapping where tls-auth is wanted', auth(0), NONE, 'missing-wrapping'],
  ['tls-crypt where nothing is wanted', NONE, CRYPT, 'unexpected-wrapping'],
  ['tls-auth where nothing is wanted', NONE, auth(1), 'unexpected-wrapping'],
];

const tryToConnect = (server: Partial<ServerOptions>, client: Partial<ClientOptions>): Pair => {
  const pair = new Pair({ seed: 5, server });
  pair.join({ client });
  pair.run(50_000);
  return pair;
};

describe('clients that cannot come in', () => {
  test.each(CASES)('%s', (_, wrap, clientWrap, reason) => {
    const pair = tryToConnect({ wrap }, { wrap: clientWrap });
    expect(pair.server.core.drops[reason]).toBeGreaterThan(2);
    const told = pair.server.of('turned-away');
    expect(told.map((event) => event.reason)).toEqual([reason]);
    expect(told[0]?.hint).not.toBe('');
    expect(told[0]?.path.host).toBe('192.0.2.7');
    expect(pair.server.events).toHaveLength(1);
  });

  test('an address beyond connect-freq-initial', () => {
    const pair = new Pair({ seed: 5, server: { connectFreqInitial: { count: 2, seconds: 100 } } });
    for (let i = 0; i < 5; i++) {
      const reset = Uint8Array.of(7 << 3, 1, 2, 3, 4, 5, 6, 7, i, 0, 0, 0, 0, 0);
      pair.server.handleDatagram(pair.freshPath(), reset);
    }
    expect(pair.server.core.drops['rate-limited']).toBe(3);
    expect(pair.server.of('turned-away').map(({ reason }) => reason)).toEqual(['rate-limited']);
  });

  test('an address that the data thread has answered often enough', () => {
    const pair = new Pair({ seed: 5 });
    const path = pair.freshPath();
    for (let i = 0; i < 3; i++) {
      pair.server.run(() => pair.server.core.handleDataEvent(pair.loop.now, { type: 'rate-limited', path }));
    }
    expect(pair.server.core.drops['rate-limited']).toBe(3);
    expect(pair.server.of('turned-away')).toMatchObject([{ reason: 'rate-limited', path }]);
  });

  test('a client that moves while it negotiates is not told of', () => {
    const pair = new Pair({ seed: 5, server: { wrap: CRYPT } });
    const moved = Uint8Array.of(4 << 3, ...new Uint8Array(8).fill(1), 0, 0, 0, 1, 0, 0, 0, 1, ...new Uint8Array(60));
    pair.server.handleDatagram(pair.freshPath(), moved);
    expect(pair.server.core.drops['bad-hmac']).toBe(1);
    expect(pair.server.of('turned-away')).toEqual([]);
  });

  test('strangers are not told of', () => {
    const pair = new Pair({ seed: 5 });
    pair.server.handleDatagram(pair.freshPath(), Uint8Array.of(4 << 3, ...new Uint8Array(8).fill(1), 0, 0, 0, 0, 0, 1));
    pair.server.handleDatagram(pair.freshPath(), Uint8Array.of(31 << 3, 1, 2));
    expect(pair.server.of('turned-away')).toEqual([]);
  });
});
