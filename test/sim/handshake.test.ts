import { describe, expect, test } from '@jest/globals';
import { asKeyId, asPeerId, type WrapOptions } from '@shardvpn/core';
import { freezeWorld } from './frozen-world.js';
import { certificateOf, Pair } from './pair.js';

freezeWorld();

const key = Uint8Array.from({ length: 256 }, (_, i) => (i * 7 + 3) & 255);
const otherKey = key.map((byte) => byte ^ 0x55);
const crypt: WrapOptions = { type: 'tls-crypt', key };

describe('handshake on a bad network', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])('30 %% loss both ways, seed %i', (seed) => {
    const pair = new Pair({ seed, network: { loss: 0.3, latency: [5, 60] }, server: { wrap: crypt, handWindow: 120 } });
    pair.connect({ client: { handWindow: 120 } });
    expect(pair.faults()).toEqual([]);
  });

  test.each([1, 2, 3, 4])('reordering and duplication, seed %i', (seed) => {
    const pair = new Pair({ seed, network: { duplicate: 0.5, latency: [1, 400] }, server: { wrap: crypt } });
    pair.connect();
    expect(pair.faults()).toEqual([]);
  });

  test('lost server reset: the client asks again', () => {
    const pair = new Pair({ server: { wrap: crypt } });
    let lost = 0;
    pair.network.filter = (direction) => direction === 'up' || lost++ > 0;
    pair.connect();
    expect(lost).toBeGreaterThan(1);
  });

  test('lost first ack and ClientHello: either may complete the cookie exchange', () => {
    for (const victim of [1, 2]) {
      const pair = new Pair({ server: { wrap: crypt } });
      let up = 0;
      pair.network.filter = (direction) => direction === 'down' || up++ !== victim;
      pair.connect();
    }
  });

  test('control packets fit into max-packet-size', () => {
    const pair = new Pair({ server: { maxPacketSize: 600 }, network: { mtu: 600 } });
    pair.connect({ client: { maxPacketSize: 600 } });
    const longest = Math.max(...pair.network.capture.map(({ bytes }) => bytes.length));
    expect(longest).toBeGreaterThan(560);
    expect(longest).toBeLessThanOrEqual(600 - 28);
  });
});

describe('admission', () => {
  test('resets alone leave nothing behind', () => {
    const pair = new Pair({ server: { wrap: crypt } });
    pair.network.filter = (direction) => direction === 'up';
    pair.join();
    pair.run(30_000);
    expect(pair.server.core.handshakes).toBe(0);
    expect(pair.server.core.pollTimeout()).toBeUndefined();
  });

  test('resets are answered connect-freq-initial times a period, and completed handshakes are refunded', () => {
    const pair = new Pair({ server: { connectFreqInitial: { count: 3, seconds: 10 } } });
    for (let i = 0; i < 6; i++) {
      pair.connect();
    }
    expect(pair.server.core.drops['rate-limited']).toBe(0);
    pair.run(11_000);
    const [reset] = pair.network.capture;
    for (let i = 0; i < 10; i++) {
      pair.server.handleDatagram(pair.freshPath(), (reset as { bytes: Uint8Array }).bytes);
    }
    expect(pair.server.core.drops['rate-limited']).toBe(7);
  });

  test('another key and the opposite direction have counters of their own', () => {
    const auth = { type: 'tls-auth', key, direction: 0, digest: 'sha1' } as const;
    const pair = new Pair({ server: { wrap: auth } });
    pair.join({ client: { wrap: { ...auth, key: otherKey, direction: 1 } } });
    pair.join({ client: { wrap: auth } });
    pair.run(1000);
    expect(pair.server.core.drops).toMatchObject({ 'bad-hmac': 1, 'wrong-key-direction': 1 });
  });

  test('a cookie is worth nothing from another address', () => {
    const pair = new Pair();
    pair.connect();
    const early = pair.network.capture.slice(1, 3);
    for (const { bytes } of early) {
      pair.server.handleDatagram(pair.freshPath(), bytes);
    }
    expect(pair.server.core.drops['bad-cookie']).toBe(2);
    expect(pair.server.core.handshakes).toBe(0);
  });

  test('max-sessions is a limit', () => {
    const pair = new Pair({ server: { maxSessions: 1 } });
    pair.connect();
    const second = pair.join();
    pair.run(5000);
    expect(second.isConnected).toBe(false);
    expect(pair.server.core.drops['too-many-sessions']).toBeGreaterThan(0);
  });
});

describe('attacks', () => {
  test.each([{ wrap: { type: 'none' } as const }, { wrap: crypt }])(
    'a replayed capture does nothing to a live session ($wrap.type)',
    ({ wrap }) => {
      const pair = new Pair({ server: { wrap } });
      const client = pair.connect();
      pair.run(500);
      const events = pair.server.events.length;
      for (const { path, bytes } of [...pair.network.capture]) {
        pair.server.handleDatagram(path, bytes);
      }
      expect(pair.server.core.drops.replayed > 0).toBe(wrap.type === 'tls-crypt');
      pair.run(5000);
      expect(pair.server.events.length).toBe(events);
      expect(pair.server.core.handshakes).toBe(0);
      client.core.renegotiate(pair.loop.now);
      client.run(() => undefined);
      expect(pair.drive(() => client.renegotiations === 1)).toBe(true);
    },
  );

  test('a reset from a known address does not disturb the live session', () => {
    const pair = new Pair();
    const client = pair.connect();
    const foreign = new Pair({ seed: 9 });
    foreign.join();
    pair.server.handleDatagram(client.path, (foreign.network.capture[0] as { bytes: Uint8Array }).bytes);
    pair.run(500);
    client.data.chatter();
    pair.server.data.chatter();
    pair.run(500);
    expect([client.data.received, pair.server.data.received]).toEqual([1, 1]);
    expect(pair.server.of('disconnected')).toEqual([]);
  });

  test('random bytes are counted and change nothing', () => {
    for (const wrap of [{ type: 'none' } as const, crypt]) {
      const pair = new Pair({ server: { wrap } });
      const client = pair.connect();
      const acted = () => pair.server.events.filter(({ type }) => type !== 'turned-away').length;
      const before = acted();
      for (let i = 0; i < 3000; i++) {
        const bytes = pair.random.bytes(pair.random.integer(0, 120));
        const path = pair.random.chance(0.5) ? client.path : pair.freshPath();
        pair.server.run(() => pair.server.core.handleDatagram(pair.loop.now, path, bytes));
      }
      const drops = Object.values(pair.server.core.drops).reduce((sum, count) => sum + count, 0);
      expect(drops).toBeGreaterThan(2900);
      expect(acted()).toBe(before);
      expect(pair.server.of('turned-away').length).toBeLessThan(30);
      expect(pair.server.core.handshakes).toBe(0);
    }
  });

  test('truncated and bent packets of a real session are survived', () => {
    const pair = new Pair();
    const client = pair.connect();
    for (const { bytes } of [...pair.network.capture]) {
      for (let i = 0; i < 20; i++) {
        const bent = bytes.slice(0, pair.random.integer(0, bytes.length));
        const at = pair.random.integer(9, 30);
        bent[at] = (bent[at] ?? 0) ^ (1 << pair.random.integer(0, 7));
        pair.server.run(() => pair.server.core.handleDatagram(pair.loop.now, client.path, bent));
      }
    }
    pair.run(1000);
    expect(client.isConnected).toBe(true);
    expect(pair.server.of('disconnected')).toEqual([]);
  });
});

describe('refusals', () => {
  test('authentication refused: the client hears why, nothing is left', () => {
    const pair = new Pair();
    pair.server.decide = () => ({ type: 'refuse', reason: 'wrong password' });
    const client = pair.join({ client: { credentials: { username: 'joe', password: 'x' } } });
    pair.drive(() => client.ended !== undefined);
    expect(client.ended).toMatchObject({ reason: 'auth-failed', detail: 'wrong password' });
    pair.run(10_000);
    expect(pair.server.ended('auth-failed')).toHaveLength(1);
    expectNothingLeft(pair);
  });

  test('no shared cipher', () => {
    const pair = new Pair({ server: { dataCiphers: ['AES-256-GCM'] } });
    const client = pair.join({ client: { dataCiphers: ['CHACHA20-POLY1305'] } });
    pair.drive(() => client.ended !== undefined);
    expect(client.ended?.detail).toBe('Data channel cipher negotiation failed (no shared cipher)');
    expect(pair.server.of('refused')[0]?.hint).toContain('data-ciphers');
  });

  test('a silent client gets the fallback cipher, or nothing', () => {
    const silent = {
      generation: 'silent',
      client: { dataCiphers: [], fallbackCipher: 'AES-128-GCM', occ: { cipher: 'BF-CBC', auth: 'SHA1', tunMtu: 1500 } },
    } as const;
    const pair = new Pair({ server: { fallbackCipher: 'AES-128-GCM' } });
    const client = pair.connect(silent);
    expect(client.connected?.cipher).toBe('AES-128-GCM');
    client.data.chatter();
    pair.server.data.chatter();
    pair.run(100);
    expect([client.data.received, pair.server.data.received]).toEqual([1, 1]);
    const strict = new Pair();
    const refused = strict.join(silent);
    strict.drive(() => refused.ended !== undefined);
    expect(refused.ended?.reason).toBe('auth-failed');
  });

  test.each([
    ['2.5', 'AES-256-CBC', 'SHA256', { format: 'cbc', auth: 'SHA256' }],
    ['2.4', 'AES-128-CBC', 'SHA1', { format: 'cbc', auth: 'SHA1' }],
    ['silent', 'AES-192-CBC', 'SHA512', { format: 'cbc', auth: 'SHA512' }],
    ['silent', 'none', 'SHA384', { format: 'plain', auth: 'SHA384' }],
    ['2.6', 'none', 'none', { format: 'plain', auth: 'none' }],
  ] as const)('a client of %s takes %s with %s', (generation, cipher, auth, suite) => {
    const dataCiphers = ['CHACHA20-POLY1305', cipher] as const;
    const pair = new Pair({ server: { dataCiphers, occ: { cipher: 'BF-CBC', auth, tunMtu: 1500 } } });
    // What it has only in its options string the server finds there, and does not push to one that is silent.
    const own = { dataCiphers: [cipher], fallbackCipher: cipher, occ: { cipher, auth, tunMtu: 1500 } };
    const client = pair.connect({ generation, client: own });
    expect(client.connected?.cipher).toBe(cipher);
    const [peerId = asPeerId(0)] = pair.server.data.peers;
    const installed = pair.server.data.fingerprint(peerId, asKeyId(0), 'seal') ?? '';
    expect(JSON.parse(installed.slice(0, installed.indexOf(' ')))).toEqual({ cipher, ...suite });
    client.data.chatter();
    pair.server.data.chatter();
    pair.run(100);
    expect([client.data.received, pair.server.data.received]).toEqual([1, 1]);
  });

  test('a client takes the cipher of the server from its options string when none is pushed', () => {
    const occ = { cipher: 'AES-256-CBC', auth: 'SHA1', tunMtu: 1500 };
    const pair = new Pair({
      server: { dataCiphers: ['AES-256-CBC'], fallbackCipher: 'AES-256-CBC', occ },
    });
    const own = { dataCiphers: ['AES-256-CBC'], fallbackCipher: null, occ: { ...occ, cipher: 'BF-CBC' } } as const;
    expect(pair.connect({ generation: 'silent', client: own }).connected?.cipher).toBe('AES-256-CBC');
  });

  test('a refused certificate comes with a hint', () => {
    const pair = new Pair({ verifyClient: () => 'certificate revoked' });
    const client = pair.join();
    pair.drive(() => client.ended !== undefined);
    expect(client.ended?.reason).toBe('tls-failed');
    expect(pair.server.of('refused')[0]).toMatchObject({ reason: 'tls-failed', detail: 'certificate revoked' });
    expect(pair.server.of('refused')[0]?.hint).toContain('crl-verify');
    pair.run(10_000);
    expectNothingLeft(pair);
  });

  test('no certificate where one is required, and where it is not', () => {
    const pair = new Pair();
    pair.join({ certificate: null });
    pair.run(1000);
    expect(pair.server.of('refused')[0]?.reason).toBe('tls-failed');
    const open = new Pair({ server: { clientCertificate: 'none' } });
    open.connect({ certificate: null, client: { credentials: { username: 'joe', password: 'x' } } });
    expect(open.server.of('connected')[0]?.client.identity.commonName).toBe('joe');
  });

  test('pool exhausted: the client is told that it may try again', () => {
    const pair = new Pair();
    pair.server.poolSize = 1;
    pair.connect();
    const second = pair.join();
    pair.drive(() => second.ended !== undefined);
    expect(second.ended).toMatchObject({ reason: 'auth-failed', detail: 'TEMP: no free address' });
    const third = pair.join({ generation: '2.5' });
    pair.drive(() => third.ended !== undefined);
    expect(third.ended).toMatchObject({ detail: 'no free address' });
    expect(pair.server.leases.size).toBe(1);
  });

  test('hand-window ends every kind of waiting and frees everything', () => {
    const nobodyAnswers = new Pair();
    nobodyAnswers.server.decide = () => undefined;
    nobodyAnswers.join();
    nobodyAnswers.run(70_000);
    expect(nobodyAnswers.server.of('refused')[0]).toMatchObject({ reason: 'auth-failed' });
    expectNothingLeft(nobodyAnswers);

    const dies = new Pair();
    const client = dies.join();
    dies.drive(() => dies.server.core.handshakes > 0);
    client.kill();
    dies.run(70_000);
    expect(dies.server.of('refused')[0]?.detail).toContain('TLS handshake');
    expectNothingLeft(dies);
  });

  test('a lease that comes too late is given back', () => {
    const pair = new Pair();
    pair.server.answerDelay = 40_000;
    pair.join();
    pair.run(120_000);
    expect(pair.server.of('lease')).toHaveLength(1);
    expect(pair.server.leases.size).toBe(0);
    expectNothingLeft(pair);
  });

  test('an option that cannot be pushed ends the connection and gives the lease back', () => {
    const pair = new Pair();
    pair.server.leasePush = ['x'.repeat(300)];
    pair.join();
    pair.run(10_000);
    expect(pair.server.of('disconnected')[0]?.detail).toContain('cannot push');
    expect(pair.server.leases.size).toBe(0);
    expect(pair.faults()).toEqual([]);
  });
});

describe('push', () => {
  test('a long PUSH_REPLY arrives in parts', () => {
    const routes = Array.from({ length: 100 }, (_, i) => `route 10.${i}.0.0 255.255.0.0`);
    const pair = new Pair({ server: { push: routes } });
    const client = pair.connect();
    expect(client.connected?.options.all.filter((option) => option.startsWith('route '))).toEqual(routes);
  });

  test('peer-ids belong to the shard', () => {
    const pair = new Pair({ server: { shard: 2, shards: 3 } });
    const ids = [pair.connect(), pair.connect(), pair.connect()].map((client) => client.peerId);
    expect(ids).toEqual([2, 5, 8]);
  });

  test('identity, lease and cipher reach the world', () => {
    const pair = new Pair();
    pair.connect({ name: 'alice' });
    expect(pair.server.of('connected')[0]?.client).toMatchObject({
      identity: { commonName: 'alice', certificate: certificateOf('alice'), username: null },
      lease: { ipv4: { address: '10.8.0.2' } },
      cipher: 'AES-256-GCM',
      tls: 'TLSv1.3 MEMORY',
      keyDerivation: 'tls-ekm',
    });
  });
});

const expectNothingLeft = (pair: Pair): void => {
  expect(pair.server.core.handshakes).toBe(0);
  expect(pair.server.core.pollTimeout()).toBeUndefined();
  expect(pair.serverTls.live).toBe(0);
  expect(pair.faults()).toEqual([]);
};
