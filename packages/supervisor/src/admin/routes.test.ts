import { describe, expect, test } from '@jest/globals';
import { VpnError } from '@shardvpn/core';
import type { ReloadReport } from '../shards/reloader.js';
import type { UpgradeReport } from '../upgrade/upgrader.js';
import type { ClientWishes } from './control-routes.js';
import type { HttpRequest } from './http-port.js';
import { adminHandler } from './routes.js';
import type { ServerStatus } from './server-status.js';

const STATUS: ServerStatus = {
  server: {
    version: '1',
    since: 1000,
    device: 'tun0',
    listening: [{ host: '::', port: 1194 }],
    workers: 1,
    authentications: { refuse: 3 },
    scripts: { 'tls-crypt-v2-verify': { timeout: 2 } },
    uptimeSeconds: 5,
    endedSessions: { inactive: 2 },
    clients: 0,
    refusals: { 'unknown-ca': 2 },
  },
  shards: [
    {
      shard: 0,
      state: 'running',
      worker: 'running',
      workerRestarts: { memory: 2 },
      clients: 2,
      handshakes: 1,
      counters: { 'inbound-packets': 12 },
      drops: { 'no-route': 3 },
      controlDrops: { 'bad-hmac': 4 },
      hops: { 'data-v2': 5 },
    },
  ],
  clients: [],
};

const REPORT: ReloadReport = {
  result: 'changed',
  changed: ['push'],
  notChanged: [{ directive: 'port', reason: 'why' }],
  problems: [],
};

const call = (path: string, change: Partial<HttpRequest> = {}): HttpRequest => ({
  method: 'GET',
  path,
  query: new URLSearchParams(),
  authorization: '',
  host: '127.0.0.1:8505',
  origin: '',
  readBody: async () => '',
  ...change,
});

const CONTROL: ClientWishes = {
  pushUpdate: async (selector, options) => {
    if (options.includes('cipher x')) throw new VpnError('config/push-update', "'cipher x': no\n'y': no");
    return { updated: [{ name: JSON.stringify([selector, options]), peerId: 1 }], notUpdated: [] };
  },
  kick: (selector, kick) => ({ kicked: [{ name: JSON.stringify([selector, kick]), peerId: 2 }] }),
};

const handlerWith = (token: string | null, readStatus = async () => STATUS, problems: Error[] = []) =>
  adminHandler({
    token,
    readStatus,
    reload: async () => REPORT,
    upgrade: async () => UPGRADED,
    ...CONTROL,
    onProblem: (error) => problems.push(error),
  });

const UPGRADED: UpgradeReport = {
  result: 'upgraded',
  problem: null,
  pid: 7,
  version: '1.0.0',
  sessions: 3,
  pauseMs: 12,
};

describe('admin routes', () => {
  test('/status is the status as JSON', async () => {
    const { status, headers, body } = await handlerWith(null)(call('/status'));
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    expect(JSON.parse(body)).toEqual(STATUS);
  });

  test.each([
    ['localhost:8505', 200],
    ['[::1]:8505', 200],
    ['', 200],
    ['192.0.2.1', 200],
    ['evil.example:8505', 403],
    ['127.0.0.1.evil.example', 403],
    ['localhost.evil.example', 403],
  ])('without a token the host %j is answered with %d', async (host, expected) => {
    expect((await handlerWith(null)(call('/status', { host }))).status).toBe(expected);
    const query = new URLSearchParams({ token: 't' });
    expect((await handlerWith('t')(call('/status', { host, query }))).status).toBe(200);
  });

  test('/metrics has every count with its shard', async () => {
    const { body, headers } = await handlerWith(null)(call('/metrics'));
    expect(headers['content-type']).toContain('version=0.0.4');
    for (const line of [
      'shardvpn_info{version="1",device="tun0"} 1',
      'shardvpn_worker_restarts_total{shard="0",reason="memory"} 2',
      'shardvpn_clients{shard="0"} 2',
      'shardvpn_ended_sessions_total{reason="inactive"} 2',
      'shardvpn_handshakes{shard="0"} 1',
      'shardvpn_shard_up{shard="0"} 1',
      'shardvpn_data_total{shard="0",counter="inbound-packets"} 12',
      'shardvpn_dropped_packets_total{shard="0",reason="no-route"} 3',
      'shardvpn_refused_clients_total{reason="unknown-ca"} 2',
      'shardvpn_dropped_control_packets_total{shard="0",reason="bad-hmac"} 4',
      'shardvpn_hops_total{shard="0",reason="data-v2"} 5',
      'shardvpn_authentications_total{decision="refuse"} 3',
      'shardvpn_scripts_total{directive="tls-crypt-v2-verify",outcome="timeout"} 2',
    ]) {
      expect(body.split('\n')).toContain(line);
    }
  });

  test('/healthz tells a sick server from a healthy one', async () => {
    expect(await handlerWith(null)(call('/healthz'))).toMatchObject({
      status: 200,
      body: expect.stringContaining('"ok"'),
    });
    const [shard] = STATUS.shards;
    const sick = { ...STATUS, shards: [{ ...(shard as NonNullable<typeof shard>), worker: 'not-answering' as const }] };
    expect(await handlerWith(null, async () => sick)(call('/healthz'))).toMatchObject({ status: 503 });
  });

  test.each(['/', '/status/', '/Status', '/constructor', '/__proto__', '', '/status/../metrics'])(
    '%j is not found',
    async (path) => {
      expect(await handlerWith('t')(call(path))).toMatchObject({ status: 404 });
    },
  );

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', ''])('method %j is not allowed', async (method) => {
    expect(await handlerWith(null)(call('/status', { method }))).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD' },
    });
  });

  test('POST /reload answers what has changed, 422 when nothing could', async () => {
    const post = call('/reload', { method: 'POST' });
    const { status, body } = await handlerWith(null)(post);
    expect({ status, report: JSON.parse(body) }).toEqual({ status: 200, report: REPORT });
    const refusing = adminHandler({
      token: null,
      readStatus: async () => STATUS,
      reload: async () => ({ ...REPORT, result: 'refused' }),
      upgrade: async () => ({ ...UPGRADED, result: 'refused' }),
      ...CONTROL,
      onProblem: () => {},
    });
    expect(await refusing(post)).toMatchObject({ status: 422 });
    expect(await refusing(call('/upgrade', { method: 'POST' }))).toMatchObject({ status: 422 });
  });

  const post = (path: string, body: unknown, change: Partial<HttpRequest> = {}): HttpRequest =>
    call(path, {
      method: 'POST',
      readBody: async () => (typeof body === 'string' ? body : JSON.stringify(body)),
      ...change,
    });

  test('POST /push-update hands clients and options over, and answers who has them', async () => {
    const wish = { clients: { name: 'ann' }, options: ['route 10.0.0.0 255.0.0.0', '-dns'] };
    const { status, body } = await handlerWith(null)(post('/push-update', wish));
    expect({ status, report: JSON.parse(body) }).toEqual({
      status: 200,
      report: { updated: [{ name: JSON.stringify([wish.clients, wish.options]), peerId: 1 }], notUpdated: [] },
    });
    const wrong = await handlerWith(null)(post('/push-update', { clients: 'all', options: ['cipher x'] }));
    expect({ status: wrong.status, report: JSON.parse(wrong.body) }).toEqual({
      status: 422,
      report: { result: 'refused', problems: ["'cipher x': no", "'y': no"] },
    });
  });

  test('POST /kick hands over how', async () => {
    const wish = { clients: { peerId: 7 }, reconnect: true, text: 'bye', nextServer: true };
    const { status, body } = await handlerWith(null)(post('/kick', wish));
    const how = { reconnect: true, text: 'bye', keepCredentials: true, nextServer: true };
    expect({ status, report: JSON.parse(body) }).toEqual({
      status: 200,
      report: { kicked: [{ name: JSON.stringify([wish.clients, how]), peerId: 2 }] },
    });
  });

  test.each([
    ['/push-update', 'no JSON'],
    ['/push-update', {}],
    ['/push-update', { clients: 'everybody', options: ['dns'] }],
    ['/push-update', { clients: { name: 'a', peerId: 1 }, options: ['dns'] }],
    ['/kick', { clients: { name: 1 } }],
    ['/kick', { clients: 'all', how: 'gently' }],
    ['/kick', ''],
  ])('%s refuses the body %j with a hint', async (path, body) => {
    const answer = await handlerWith(null)(post(path, body));
    expect(answer.status).toBe(422);
    expect((JSON.parse(answer.body) as { problems: string[] }).problems[0]).toContain('send for example');
  });

  test.each(['/push-update', '/kick'])('%s needs the token, its own name and no web page', async (path) => {
    const wish = { clients: 'all', options: ['-dns'] };
    expect(await handlerWith('sesame')(post(path, wish))).toMatchObject({ status: 401 });
    expect(await handlerWith(null)(post(path, wish, { origin: 'http://evil.example' }))).toMatchObject({ status: 403 });
    expect(await handlerWith(null)(post(path, wish, { host: 'evil.example' }))).toMatchObject({ status: 403 });
    expect(await handlerWith(null)(call(path))).toMatchObject({ status: 405 });
    expect(await handlerWith(null)(post(path, wish, { readBody: async () => null }))).toMatchObject({ status: 413 });
  });

  test('POST /upgrade answers which process serves now, and nothing else starts it', async () => {
    const { status, body } = await handlerWith(null)(call('/upgrade', { method: 'POST' }));
    expect({ status, report: JSON.parse(body) }).toEqual({ status: 200, report: UPGRADED });
    expect(await handlerWith(null)(call('/upgrade'))).toMatchObject({ status: 405 });
    const fromPage = call('/upgrade', { method: 'POST', origin: 'http://evil.example' });
    expect(await handlerWith(null)(fromPage)).toMatchObject({ status: 403 });
    expect(await handlerWith('sesame')(call('/upgrade', { method: 'POST' }))).toMatchObject({ status: 401 });
  });

  test.each([
    [{ method: 'GET' }, null, 405],
    [{ method: 'HEAD' }, null, 405],
    [{ method: 'POST', host: 'evil.example' }, null, 403],
    [{ method: 'POST', origin: 'http://evil.example' }, null, 403],
    [{ method: 'POST', origin: 'null' }, null, 403],
    [{ method: 'POST' }, 'sesame', 401],
    [{ method: 'POST', authorization: 'Bearer sesame' }, 'sesame', 200],
  ])('/reload by %j with the token %j is answered with %d', async (change, token, expected) => {
    expect((await handlerWith(token)(call('/reload', change))).status).toBe(expected);
  });

  test('HEAD is answered like GET', async () => {
    expect(await handlerWith(null)(call('/status', { method: 'HEAD' }))).toMatchObject({ status: 200 });
  });

  test.each([
    { authorization: 'Bearer sesame' },
    { authorization: 'bearer  sesame' },
    { query: new URLSearchParams('token=sesame') },
  ])('the token opens it: %j', async (shown) => {
    expect(await handlerWith('sesame')(call('/status', shown))).toMatchObject({ status: 200 });
  });

  test.each([
    {},
    { authorization: 'Bearer sesam' },
    { authorization: 'Basic sesame' },
    { authorization: 'Bearer' },
    { query: new URLSearchParams('token=') },
    { query: new URLSearchParams('Token=sesame') },
    { authorization: 'Bearer wrong', query: new URLSearchParams('token=sesame') },
  ])('anything else does not: %j', async (shown) => {
    for (const path of ['/status', '/metrics']) {
      const answer = await handlerWith('sesame')(call(path, shown));
      expect(answer).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer realm="shardvpn"' } });
    }
    expect(await handlerWith('sesame')(call('/healthz', shown))).toMatchObject({ status: 200 });
  });

  test('a failure is a 500 without details, and goes to the log', async () => {
    const problems: Error[] = [];
    const broken = async (): Promise<ServerStatus> => {
      throw new Error('secret detail');
    };
    const answer = await handlerWith(null, broken, problems)(call('/status'));
    expect(answer).toMatchObject({ status: 500, body: expect.not.stringContaining('secret') });
    expect(problems).toHaveLength(1);
  });
});
