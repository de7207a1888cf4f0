import { describe, expect, test } from '@jest/globals';
import type { AuthDecision } from '@shardvpn/core';
import { freezeWorld } from './frozen-world.js';
import { certificateOf, Pair } from './pair.js';

freezeWorld();

const SSO: ReadonlyMap<string, string> = new Map([
  ['IV_PROTO', '990'],
  ['IV_CIPHERS', 'AES-256-GCM'],
  ['IV_SSO', 'webauth,crtext'],
]);
const PAGE: AuthDecision = {
  type: 'pending',
  prompt: { type: 'web-auth', url: 'https://example.com/login', flags: ['external'] },
  timeout: 200,
};

describe('a client that is refused', () => {
  const refusedBy = (decision: AuthDecision, generation: '2.6' | '2.5' = '2.6') => {
    const pair = new Pair();
    pair.server.decide = () => decision;
    const client = pair.join({ generation });
    pair.drive(() => client.ended !== undefined);
    return client.ended;
  };

  test('hears the reason', () => {
    expect(refusedBy({ type: 'refuse', reason: 'no subscription' })).toMatchObject({
      reason: 'auth-failed',
      detail: 'no subscription',
      refusal: { type: 'refuse', reason: 'no subscription' },
    });
  });

  test('is told when to come again, and where, if it knows the words', () => {
    const busy: AuthDecision = { type: 'temporary', reason: 'busy', backoff: 42, advance: 'no' };
    expect(refusedBy(busy)).toMatchObject({
      detail: 'TEMP[backoff 42,advance no]: busy',
      refusal: { type: 'temporary', reason: 'busy', backoff: 42, advance: 'no' },
    });
    expect(refusedBy(busy, '2.5')).toMatchObject({ detail: 'busy' });
    expect(refusedBy({ type: 'temporary', reason: 'busy' })?.detail).toBe('TEMP: busy');
  });

  test('is sent back for its real credentials', () => {
    expect(refusedBy({ type: 'expired', reason: 'token expired' })).toMatchObject({
      detail: 'SESSION: token expired',
      refusal: { type: 'expired', reason: 'token expired' },
    });
  });

  test('gets a challenge for its next connection', () => {
    const challenge = { type: 'challenge', stateId: 'Om01u7Fh', user: 'YQ==', echo: true, response: true } as const;
    expect(refusedBy({ ...challenge, text: 'Enter the PIN: ' })).toMatchObject({
      detail: 'CRV1:R,E:Om01u7Fh:YQ==:Enter the PIN: ',
      refusal: { ...challenge, text: 'Enter the PIN: ' },
    });
  });

  test('gets no more text than it can read', () => {
    const detail = refusedBy({ type: 'refuse', reason: 'ä'.repeat(2000) })?.detail ?? '';
    expect(detail).toBe('ä'.repeat(500));
  });
});

describe('a server that asks nobody about logins', () => {
  test.each(['2.6', '2.5'] as const)('lets a client of %s in and renews its keys without a question', (generation) => {
    const pair = new Pair({ server: { asksAboutLogins: false } });
    const client = pair.join({ generation });
    pair.drive(() => client.isConnected);
    client.run(() => client.core.renegotiate(pair.loop.now));
    expect(pair.drive(() => pair.server.of('renegotiated').length === 1)).toBe(true);
    expect(pair.server.of('authenticate')).toEqual([]);
    expect(pair.server.of('lease')).toHaveLength(1);
    expect(pair.faults()).toEqual([]);
  });

  test('refuses who gets no lease, for now or for good', () => {
    const refusal = (forGood: boolean) => {
      const pair = new Pair({ server: { asksAboutLogins: false } });
      pair.server.poolSize = 0;
      pair.server.refusesForGood = forGood;
      const client = pair.join();
      pair.drive(() => client.ended !== undefined);
      return client.ended?.refusal?.type;
    };
    expect(refusal(false)).toBe('temporary');
    expect(refusal(true)).toBe('refuse');
  });
});

describe('a client that waits', () => {
  const waiting = (decision: AuthDecision, peerInfo = SSO, server = {}) => {
    const pair = new Pair({ server });
    pair.server.decide = () => decision;
    const client = pair.join({ client: { peerInfo } });
    pair.drive(() => client.ended !== undefined || client.events.some(({ type }) => type === 'auth-pending'));
    return { pair, client, request: pair.server.of('authenticate')[0]?.request ?? 0 };
  };

  test('is shown what to do, waits beyond hand-window, and is let in with options of its own', () => {
    const { pair, client, request } = waiting(PAGE);
    pair.drive(() => client.events.some(({ type }) => type === 'auth-prompt'));
    expect(client.events).toMatchObject([
      { type: 'auth-pending', timeout: 200 },
      { type: 'auth-prompt', prompt: PAGE.type === 'pending' ? PAGE.prompt : null },
    ]);
    pair.run(150_000);
    expect(client.events).toHaveLength(2);
    pair.server.decideLater(request, { type: 'accept', push: ['route 10.44.0.0 255.255.0.0'] });
    pair.drive(() => client.isConnected, 10_000);
    expect(client.connected?.options.all).toContain('route 10.44.0.0 255.255.0.0');
    expect(pair.server.of('connected')[0]?.client.lease.push).toEqual(['route 10.44.0.0 255.255.0.0']);
    expect(pair.faults()).toEqual([]);
  });

  test('answers a question, and is asked another one', () => {
    const question = (text: string): AuthDecision => ({
      type: 'pending',
      prompt: { type: 'text', text, echo: false, response: true },
      timeout: 50,
    });
    const { pair, client } = waiting(question('first code'));
    pair.server.respond = ({ request, response }) =>
      pair.loop.after(0, () =>
        pair.server.decideLater(request, response === 'MQ==' ? question('second code') : { type: 'accept' }),
      );
    const prompts = () => client.events.flatMap((event) => (event.type === 'auth-prompt' ? [event.prompt] : []));
    pair.drive(() => prompts().length === 1);
    client.run(() => client.core.respond(pair.loop.now, 'MQ=='));
    pair.drive(() => prompts().length === 2);
    expect(prompts()[1]).toEqual({ type: 'text', text: 'second code', echo: false, response: true });
    client.run(() => client.core.respond(pair.loop.now, 'Mg=='));
    expect(pair.drive(() => client.isConnected, 10_000)).toBe(true);
    expect(pair.server.of('challenge-response').map(({ response }) => response)).toEqual(['MQ==', 'Mg==']);
    client.run(() => client.core.respond(pair.loop.now, 'Mw=='));
    pair.run(1000);
    expect(pair.server.core.drops['unexpected-message']).toBe(1);
  });

  test('without the words for a time waits for hand-window', () => {
    const old = new Map([...SSO, ['IV_PROTO', '6']]);
    const { pair, client } = waiting(PAGE, old);
    expect(client.events[0]).toEqual({ type: 'auth-pending', timeout: null });
    pair.drive(() => client.ended !== undefined, 100_000);
    expect(client.ended?.reason).toBe('handshake-timeout');
  });

  test('is refused, when it cannot show what is to be shown', () => {
    const { client } = waiting(PAGE, new Map([...SSO, ['IV_SSO', 'crtext']]));
    expect(client.ended).toMatchObject({ detail: 'this login needs a client that can open a web page' });
    const open = waiting(PAGE, new Map([...SSO, ['IV_SSO', 'openurl']]));
    open.pair.drive(() => open.client.events.length === 2);
    expect(open.client.events[1]).toMatchObject({ prompt: { type: 'open-url', url: 'https://example.com/login' } });
  });

  test('is not kept for longer than max(reneg-sec / 2, hand-window), and then refused', () => {
    const { pair, client, request } = waiting({ ...PAGE, timeout: 5000 } as AuthDecision, SSO, { renegSec: 600 });
    expect(client.events[0]).toEqual({ type: 'auth-pending', timeout: 300 });
    pair.drive(() => client.ended !== undefined, 310_000);
    expect(pair.loop.now).toBeGreaterThan(290_000);
    expect(client.ended?.detail).toBe('nobody has decided about the login in time');
    expect(pair.server.of('auth-withdrawn')).toEqual([{ type: 'auth-withdrawn', request }]);
    pair.server.decideLater(request, { type: 'accept' });
    pair.run(20_000);
    expect(pair.server.leases.size).toBe(0);
  });

  test('begins again after its worker has died', () => {
    const { pair, client } = waiting(PAGE);
    pair.server.decide = () => ({ type: 'accept' });
    pair.server.crash(500);
    pair.run(1000);
    client.kill();
    expect(pair.connect({ path: client.path }).isConnected).toBe(true);
  });
});

describe('at a renegotiation', () => {
  const renegotiating = (decide: () => AuthDecision | undefined) => {
    const pair = new Pair({ server: { renegSec: 100 } });
    const client = pair.connect({ client: { peerInfo: SSO, credentials: { username: 'ann', password: 'p' } } });
    pair.server.decide = decide;
    pair.drive(() => pair.server.of('authenticate').some(({ renegotiation }) => renegotiation));
    return { pair, client, request: pair.server.of('authenticate').at(-1)?.request ?? 0 };
  };

  test('the client is asked for again, with its password, and goes when it is refused', () => {
    const { pair, client } = renegotiating(() => ({ type: 'refuse', reason: 'the account is locked' }));
    expect(pair.server.of('authenticate')[1]).toMatchObject({ password: 'p', identity: { username: 'ann' } });
    pair.drive(() => client.ended !== undefined);
    expect(client.ended).toMatchObject({ reason: 'auth-failed', detail: 'the account is locked' });
    expect(pair.server.ended('auth-failed')).toHaveLength(1);
  });

  test('a question that nobody answers ends the client in the time that answers have', () => {
    const { pair, client, request } = renegotiating(() => undefined);
    const asked = pair.loop.now;
    pair.drive(() => client.ended !== undefined);
    expect(pair.loop.now - asked).toBeGreaterThanOrEqual(50_000);
    expect(pair.loop.now - asked).toBeLessThan(52_000);
    expect(client.ended?.refusal).toMatchObject({ type: 'temporary' });
    expect(pair.server.of('auth-withdrawn')).toEqual([{ type: 'auth-withdrawn', request }]);
    pair.run(10_000);
    expect(pair.server.leases.size).toBe(0);
  });

  test('nothing but the answer goes on: no further key id comes before it', () => {
    const { pair, client, request } = renegotiating(() => undefined);
    pair.run(2000);
    client.run(() => client.core.renegotiate(pair.loop.now));
    pair.run(20_000);
    expect(pair.server.of('authenticate')).toHaveLength(2);
    expect(pair.server.core.drops['unexpected-reset']).toBeGreaterThan(0);
    pair.server.decideLater(request, { type: 'refuse', reason: 'locked' });
    pair.drive(() => pair.server.ended('auth-failed').length === 1, 20_000);
    expect(pair.server.ended('auth-failed')).toHaveLength(1);
  });

  test('the user may be asked for something, while the data goes on', () => {
    const { pair, client, request } = renegotiating(() => ({ ...PAGE, timeout: 30 }) as AuthDecision);
    pair.drive(() => client.events.some(({ type }) => type === 'auth-prompt'));
    const before = client.data.received;
    pair.server.data.chatter();
    pair.run(1000);
    expect(client.data.received).toBeGreaterThan(before);
    pair.server.decideLater(request, { type: 'accept' });
    pair.run(20_000);
    expect(client.isConnected).toBe(true);
    expect(pair.server.of('renegotiated')).toHaveLength(1);
    expect(pair.faults()).toEqual([]);
  });

  test('another username is refused', () => {
    const credentials = { username: 'ann', password: 'p' };
    const pair = new Pair({ server: { renegSec: 100, clientCertificate: 'none' } });
    const client = pair.connect({ certificate: null, client: { credentials } });
    expect(pair.server.of('connected')[0]?.client.identity).toMatchObject({ commonName: 'ann', certificate: null });
    credentials.username = 'eve';
    pair.drive(() => client.ended !== undefined);
    expect(pair.server.ended('auth-failed')[0]).toMatchObject({
      detail: "the common name changed from 'ann' to 'eve'",
    });
  });
});

test('messages that are not known are ignored, and counted', () => {
  const pair = new Pair();
  const client = pair.connect({ certificate: certificateOf('ann') });
  client.run(() => client.core.respond(pair.loop.now, 'eA==\0WHATEVER,x'));
  pair.run(1000);
  expect(pair.server.core.drops['unexpected-message']).toBe(2);
  expect(client.isConnected).toBe(true);
});

test('a client that has asked for its options before the login is decided need not ask again', () => {
  const pair = new Pair();
  pair.server.answerDelay = 1500;
  const client = pair.join({ generation: '2.4' });
  expect(pair.drive(() => client.isConnected, 5000)).toBe(true);
  expect(pair.server.core.drops['unexpected-message']).toBe(0);
});
