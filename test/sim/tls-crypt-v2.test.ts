import { describe, expect, test } from '@jest/globals';
import {
  type ClientWrapOptions,
  encodeKeyData,
  encodeKeyTime,
  type ServerOptions,
  STREAM_BIT,
  type TlsCryptV2Options,
  wrapClientKey,
} from '@shardvpn/core';
import { createNodeCrypto } from '../support/node-crypto.js';
import { type JoinOptions, Pair, SERVER_OPTIONS } from './pair.js';
import type { SimClient } from './sim-client.js';
import { unixAt } from './sim-server.js';

const serverKey = new Uint8Array(128).fill(3);
const staticKey = new Uint8Array(256).fill(5);
const crypto = createNodeCrypto((length) => new Uint8Array(length).fill(1));
const DAY = 86_400;
const UNIX_START = unixAt(0);

const v2 = (changes: Partial<TlsCryptV2Options> = {}): Pick<ServerOptions, 'tlsCryptV2'> => ({
  tlsCryptV2: { serverKey, forceCookie: false, maxAge: null, ...changes },
});

const own = (
  seed: number,
  metadata = encodeKeyTime(UNIX_START),
  canResend = true,
  madeWith = serverKey,
): ClientWrapOptions => {
  const key = Uint8Array.from({ length: 256 }, (_, i) => (i * 7 + seed) % 256);
  return { type: 'tls-crypt-v2', key, wrappedKey: wrapClientKey(madeWith, { key, metadata }, crypto), canResend };
};

const join = (pair: Pair, wrap: ClientWrapOptions, options: JoinOptions = {}): SimClient =>
  pair.join({ ...options, client: { wrap, ...options.client } });

/** A server that must not answer anybody. */
const silentServer = (server: Partial<ServerOptions>): Pair => {
  const pair = new Pair({ server });
  pair.network.filter = (direction) => {
    if (direction === 'down') throw new Error('the server has answered');
    return true;
  };
  return pair;
};

const expectTraffic = (pair: Pair, client: SimClient): void => {
  pair.server.data.chatter();
  client.data.chatter();
  pair.run(1000);
  expect([pair.server.data.received > 0, client.data.received]).toEqual([true, 1]);
};

describe('clients with keys of their own', () => {
  for (const canResend of [true, false])
    for (const generation of ['2.6', '2.5', '2.4'] as const) {
      test(`${generation}, ${canResend ? 'with' : 'without'} early negotiation`, () => {
        const pair = new Pair({ server: { ...v2(), renegSec: 60 } });
        const client = join(pair, own(1, undefined, canResend), { generation });
        expect(pair.drive(() => client.connected !== undefined)).toBe(true);
        expectTraffic(pair, client);
        pair.run(200_000);
        expect(pair.server.of('renegotiated').length).toBeGreaterThan(1);
        expect(pair.faults()).toEqual([]);
      });
    }

  test('nothing is kept about a client that can send its key again until it has', () => {
    const pair = new Pair({ server: v2({ forceCookie: true }) });
    const handshakes: number[] = [];
    pair.network.filter = (direction) => {
      if (direction === 'down') handshakes.push(pair.server.core.handshakes);
      return true;
    };
    const client = join(pair, own(1));
    expect(pair.drive(() => client.connected !== undefined)).toBe(true);
    expect(handshakes.slice(0, 2)).toEqual([0, 1]);
  });

  test('force-cookie refuses a client that cannot', () => {
    const pair = new Pair({ server: v2({ forceCookie: true }) });
    const client = join(pair, own(1, undefined, false));
    pair.run(20_000);
    expect(client.connected).toBeUndefined();
    expect(pair.server.core.handshakes).toBe(0);
    expect(pair.server.core.drops['cookie-required']).toBeGreaterThan(0);
  });

  test.each([1, 2, 3, 4, 5, 6])('under loss and duplication, seed %i', (seed) => {
    const network = { loss: 0.3, duplicate: 0.2, latency: [5, 60] as const };
    const pair = new Pair({ seed, network, server: { ...v2(), handWindow: 120 } });
    const clients = [join(pair, own(1)), join(pair, own(2, undefined, false))];
    expect(pair.drive(() => clients.every(({ connected }) => connected !== undefined))).toBe(true);
    expect(pair.faults()).toEqual([]);
  });

  test('beside clients with the one key of all', () => {
    const pair = new Pair({ server: { ...v2(), wrap: { type: 'tls-crypt', key: staticKey } } });
    const clients = [join(pair, own(1)), pair.join(), join(pair, own(2))];
    expect(pair.drive(() => clients.every(({ connected }) => connected !== undefined))).toBe(true);
    expect(pair.faults()).toEqual([]);
  });

  test('without a key nobody is let in beside them', () => {
    const pair = silentServer(v2());
    const client = pair.join({ client: { wrap: { type: 'none' } } });
    pair.run(20_000);
    expect(client.connected).toBeUndefined();
    expect(pair.server.core.drops['client-key-required']).toBeGreaterThan(0);
  });

  test('a key of another server, and none configured here', () => {
    const other = silentServer(v2());
    join(other, own(1, undefined, true, new Uint8Array(128).fill(9)));
    other.run(20_000);
    expect(other.server.core.drops['bad-client-key']).toBeGreaterThan(0);
    const none = silentServer({});
    join(none, own(1));
    none.run(20_000);
    expect(none.server.core.drops['unsupported-opcode']).toBeGreaterThan(0);
  });

  test.each([
    { what: 'made today', metadata: encodeKeyTime(UNIX_START), taken: true },
    { what: 'nine days old', metadata: encodeKeyTime(UNIX_START - 9 * DAY), taken: true },
    { what: 'eleven days old', metadata: encodeKeyTime(UNIX_START - 11 * DAY), taken: false },
    { what: 'of unknown age', metadata: encodeKeyData(Uint8Array.of(1, 2)), taken: false },
    { what: 'without metadata', metadata: new Uint8Array(0), taken: false },
  ])('tls-crypt-v2-max-age 10 and a key $what', ({ metadata, taken }) => {
    for (const canResend of [true, false]) {
      const pair = new Pair({ server: v2({ maxAge: 10 }) });
      const client = join(pair, own(1, metadata, canResend));
      pair.run(20_000);
      expect(client.connected !== undefined).toBe(taken);
      expect(pair.server.core.drops['client-key-too-old'] > 0).toBe(!taken);
    }
  });

  test('is too old as soon as a machine that has started without the time knows it', () => {
    const pair = new Pair({ server: v2({ maxAge: 10 }) });
    const early = join(pair, own(1));
    expect(pair.drive(() => early.connected !== undefined)).toBe(true);
    const unixNow = UNIX_START + 365 * 86_400;
    pair.server.run(() => pair.server.core.handleWallClock(pair.loop.now, unixNow));
    expect(pair.server.data.admission?.unixNow).toBe(unixNow);
    const [late, fresh] = [join(pair, own(2)), join(pair, own(3, encodeKeyTime(unixNow)))];
    expect(pair.drive(() => fresh.connected !== undefined)).toBe(true);
    pair.run(20_000);
    expect(late.connected).toBeUndefined();
    expect(pair.server.core.drops['client-key-too-old']).toBeGreaterThan(0);
    expect(pair.server.of('connected').map(({ client }) => client.since >= unixNow)).toEqual([false, true]);
    pair.server.run(() => pair.server.core.shutdown(pair.loop.now));
    pair.server.run(() => pair.server.core.handleWallClock(pair.loop.now, unixNow + 86_400));
    expect(pair.server.data.admission).toBeNull();
    expect(pair.faults()).toEqual([]);
  });
});

describe('keys that somebody has to look at', () => {
  const verified = (changes: Partial<TlsCryptV2Options> = {}) => v2({ verify: true, ...changes });
  const laptop = encodeKeyData(Uint8Array.of(1, 2, 3));
  const STREAM = { listener: STREAM_BIT, host: '192.0.2.1', port: 7 };

  for (const canResend of [true, false])
    test(`a client waits for the verdict ${canResend ? 'behind the cookie' : 'with its reset'}, without TLS`, () => {
      const pair = new Pair({ server: verified({ forceCookie: canResend }) });
      pair.server.answerDelay = 700;
      pair.server.verifyKey = (metadata) => {
        expect([pair.server.core.handshakes, pair.serverTls.live]).toEqual([0, 0]);
        return metadata.join() === laptop.join() ? 'accept' : 'refuse';
      };
      const client = join(pair, own(1, laptop, canResend));
      expect(pair.drive(() => client.connected !== undefined, 10_000)).toBe(true);
      expectTraffic(pair, client);
      expect(pair.server.of('verify-key')).toHaveLength(1);
      expect(pair.faults()).toEqual([]);
    });

  test.each(['refuse', 'unverified'] as const)('%s: it gets no answer, and somebody reads why', (verdict) => {
    const reason = verdict === 'refuse' ? 'client-key-refused' : 'client-key-unverified';
    for (const canResend of [true, false]) {
      const pair = new Pair({ server: verified() });
      pair.server.verifyKey = () => verdict;
      const client = join(pair, own(1, laptop, canResend));
      pair.run(20_000);
      expect(client.connected).toBeUndefined();
      expect([pair.server.core.handshakes, pair.serverTls.live]).toEqual([0, 0]);
      expect(pair.server.core.drops[reason]).toBeGreaterThan(1);
      expect(pair.server.of('turned-away')).toMatchObject([{ reason }]);
      // It repeats its packets every few seconds, and is asked about again now and then.
      expect(pair.server.of('verify-key').length).toBeLessThan(pair.server.core.drops[reason]);
    }
  });

  test('a connection waits as well, and is closed when its client is refused', () => {
    const pair = new Pair({ server: verified() });
    pair.server.answerDelay = 500;
    const client = join(pair, own(1, laptop), { path: STREAM });
    expect(pair.drive(() => client.connected !== undefined, 10_000)).toBe(true);
    pair.server.verifyKey = () => 'refuse';
    join(pair, own(2, laptop), { path: { ...STREAM, port: 8 } });
    pair.run(400);
    expect(pair.server.data.closed).toEqual([]);
    pair.run(1000);
    expect(pair.server.data.closed).toEqual([{ ...STREAM, port: 8 }]);
  });

  test('a connection that is closed meanwhile begins no session', () => {
    const pair = new Pair({ server: verified() });
    pair.server.answerDelay = 500;
    join(pair, own(1, laptop), { path: STREAM });
    pair.run(100);
    pair.server.run(() => pair.server.core.handleDataEvent(pair.loop.now, { type: 'closed', path: STREAM }));
    pair.run(1000);
    expect(pair.server.of('verify-key')).toHaveLength(1);
    expect(pair.server.core.handshakes).toBe(0);
  });

  test('one question for a thousand copies of a packet, whoever they come from', () => {
    const pair = new Pair({ server: verified() });
    pair.network.filter = () => false;
    join(pair, own(1, laptop, false));
    pair.run(10);
    const packet = pair.network.capture[0]?.bytes ?? new Uint8Array(0);
    pair.server.verifyKey = () => undefined;
    const replay = (from: number) => {
      for (let i = 0; i < 1000; i++)
        pair.server.handleDatagram({ listener: 0, host: '198.51.100.9', port: from + i }, packet);
    };
    replay(1000);
    expect(pair.server.of('verify-key')).toHaveLength(1);
    expect(pair.server.core.drops['client-key-pending']).toBe(992);
    const { key = '' } = pair.server.of('verify-key')[0] ?? {};
    pair.server.run(() => pair.server.core.handleKeyVerdict(pair.loop.now, key, 'refuse'));
    replay(3000);
    expect(pair.server.of('verify-key')).toHaveLength(1);
    expect(pair.server.core.drops['client-key-refused']).toBe(1008);
  });

  test('new options make every verdict void, also one that is under way', () => {
    const pair = new Pair({ server: verified() });
    pair.server.answerDelay = 500;
    const seen: string[] = [];
    pair.server.verifyKey = () => {
      seen.push(seen.length === 0 ? 'refuse' : 'accept');
      return seen.at(-1) as 'refuse' | 'accept';
    };
    const client = join(pair, own(1, laptop));
    pair.run(300);
    expect(seen).toEqual(['refuse']);
    pair.server.run(() => pair.server.core.reconfigure(pair.loop.now, { ...SERVER_OPTIONS, ...verified() }));
    expect(pair.drive(() => client.connected !== undefined, 10_000)).toBe(true);
    expect(seen).toEqual(['refuse', 'accept']);
  });
});
