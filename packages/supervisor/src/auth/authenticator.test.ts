import { describe, expect, test } from '@jest/globals';
import type { AuthDecision } from '@shardvpn/core';
import type { ToShard } from '@shardvpn/worker';
import type { Log } from '../log.js';
import type { AuthAnswer, Authenticate, AuthRequest } from './auth-request.js';
import { Authenticator } from './authenticator.js';

const certificate = { commonName: 'ann', subject: 'CN=ann', serial: '01', chainHashes: ['h'], notAfter: 5 };
const question = (request: number, password: string | null = 'secret', renegotiation = false) => ({
  type: 'authenticate' as const,
  request,
  password,
  renegotiation,
  identity: {
    commonName: 'ann',
    username: 'ann',
    certificate,
    path: { listener: 0, host: '192.0.2.1', port: 4000 },
    peerInfo: new Map([['IV_SSO', 'webauth,crtext']]),
  },
});

const newLab = (authenticate: Authenticate) => {
  const [decisions, lines]: [[number, number, AuthDecision][], string[]] = [[], []];
  const log: Log = { error: (line) => void lines.push(line), warn: () => {}, info: () => {}, debug: () => {} };
  const send = (shard: number, message: ToShard): void => {
    if (message.type === 'auth-decision') decisions.push([shard, message.request, message.decision]);
  };
  return { authenticator: new Authenticator(authenticate, { send, log }), decisions, lines };
};
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('authenticator', () => {
  test('shows what the client has shown, and sends the decision to its shard', async () => {
    const requests: AuthRequest[] = [];
    const { authenticator, decisions } = newLab((request) => {
      requests.push(request);
      return { type: 'accept', push: ['route 10.0.0.0 255.0.0.0'] };
    });
    authenticator.ask(1, question(7, 'SCRV1:cHc=:MTIz', true));
    await settle();
    expect(requests[0]).toMatchObject({
      renegotiation: true,
      username: 'ann',
      password: { type: 'static-challenge', password: 'pw', response: '123' },
      certificate,
      address: { host: '192.0.2.1', port: 4000 },
      pendingMethods: new Set(['web-auth', 'text']),
    });
    expect(decisions).toEqual([[1, 7, { type: 'accept', push: ['route 10.0.0.0 255.0.0.0'] }]]);
    expect(requests[0]?.signal.aborted).toBe(true);
  });

  test.each<[AuthAnswer, AuthDecision]>([
    [{ type: 'refuse' }, { type: 'refuse', reason: '', detail: 'login: refuse' }],
    [
      { type: 'expired', reason: 'x' },
      { type: 'expired', reason: 'x', detail: 'login: expired: x' },
    ],
    [
      { type: 'temporary', backoff: 5 },
      { type: 'temporary', reason: '', backoff: 5, advance: null, detail: 'login: temporary' },
    ],
    [
      { type: 'challenge', stateId: 's', text: 'PIN\n?' },
      { type: 'challenge', stateId: 's', text: 'PIN ?', user: 'YW5u', echo: false, response: true },
    ],
  ])('%j', async (answer, decision) => {
    const { authenticator, decisions } = newLab(() => answer);
    authenticator.ask(0, question(1));
    await settle();
    expect(decisions).toEqual([[0, 1, decision]]);
  });

  test.each<[string, () => unknown]>([
    ['the database is away', () => Promise.reject(new Error('the database is away'))],
    [
      'thrown',
      () => {
        throw new Error('thrown');
      },
    ],
    ["not 'maybe'", () => ({ type: 'maybe' })],
    ["not 'undefined'", () => undefined],
    ['cannot push', () => ({ type: 'accept', push: ['a,b'] })],
    ['number of seconds', () => ({ type: 'pending', timeout: Number.NaN })],
    ['without colons', () => ({ type: 'challenge', stateId: 'a:b', text: '' })],
  ])('what makes no sense is logged, and the client may come again: %s', async (line, answer) => {
    const { authenticator, decisions, lines } = newLab(answer as Authenticate);
    authenticator.ask(0, question(1));
    await settle();
    expect(decisions).toEqual([[0, 1, expect.objectContaining({ type: 'temporary', reason: expect.any(String) })]]);
    expect(lines[0]).toContain(line);
  });

  test('a client waits for a later decision', async () => {
    let decide: (answer: AuthAnswer) => void = () => {};
    const decision = new Promise<AuthAnswer>((resolve) => {
      decide = resolve;
    });
    const prompt = { type: 'web-auth', url: 'https://example.com' } as const;
    const { authenticator, decisions } = newLab(() => ({ type: 'pending', timeout: 60, prompt, decision }));
    authenticator.ask(0, question(1));
    await settle();
    expect(decisions).toEqual([[0, 1, { type: 'pending', timeout: 60, prompt: { ...prompt, flags: [] } }]]);
    decide({ type: 'refuse', reason: 'no' });
    await settle();
    expect(decisions[1]).toEqual([0, 1, { type: 'refuse', reason: 'no', detail: 'login: refuse: no' }]);
  });

  test('the answer of its user is asked about, step by step, each once', async () => {
    const asked: string[] = [];
    const pending = (text: string, onResponse: (response: string) => AuthAnswer): AuthAnswer => ({
      type: 'pending',
      timeout: 60,
      prompt: { type: 'text', text, response: true },
      onResponse,
    });
    const { authenticator, decisions } = newLab(() =>
      pending('one', (first) => {
        asked.push(first);
        return pending('two', (second) => {
          asked.push(second);
          return { type: 'accept' };
        });
      }),
    );
    authenticator.ask(0, question(1));
    for (const response of ['MQ==', 'MQ==']) authenticator.respond(0, 1, response);
    await settle();
    authenticator.respond(0, 1, 'MQ==');
    authenticator.respond(0, 1, 'MTE=');
    await settle();
    authenticator.respond(0, 1, 'Mg==');
    await settle();
    authenticator.respond(0, 1, 'Mw==');
    await settle();
    expect(authenticator.counts).toEqual({ pending: 2, accept: 1 });
    expect(asked).toEqual(['1', '2']);
    expect(decisions.map(([, , { type }]) => type)).toEqual(['pending', 'pending', 'accept']);
  });

  test('nobody hears an answer that is not wanted any more', async () => {
    const requests: AuthRequest[] = [];
    const answers: ((answer: AuthAnswer) => void)[] = [];
    const { authenticator, decisions } = newLab((request) => {
      requests.push(request);
      return new Promise<AuthAnswer>((resolve) => answers.push(resolve));
    });
    authenticator.ask(0, question(1));
    authenticator.ask(1, question(1));
    authenticator.ask(1, question(2));
    authenticator.withdraw(0, 1);
    authenticator.forget(1);
    expect(requests.map(({ signal }) => signal.aborted)).toEqual([true, true, true]);
    // The next worker of the shard counts from the start again.
    authenticator.ask(1, question(1));
    for (const answer of answers.slice(0, 3)) answer({ type: 'accept' });
    await settle();
    expect(decisions).toEqual([]);
    answers[3]?.({ type: 'refuse' });
    await settle();
    expect(decisions).toEqual([[1, 1, { type: 'refuse', reason: '', detail: 'login: refuse' }]]);
  });
});
