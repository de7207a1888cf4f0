import { describe, expect, test } from '@jest/globals';
import { asKeyId } from '@shardvpn/core';
import { freezeWorld } from './frozen-world.js';
import { expectHealthy, expectNobody } from './healthy.js';
import { Pair, SERVER_OPTIONS } from './pair.js';

freezeWorld();

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
