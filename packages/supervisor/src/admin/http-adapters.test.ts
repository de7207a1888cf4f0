import { request } from 'node:http';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type HttpRequest, type HttpResponse, type HttpServer, type ListenHttp, MAX_BODY_LENGTH } from './http-port.js';
import { listenNodeHttp } from './node-http.js';
import { listenUws, UWS_PACKAGES } from './uws.js';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

const ask = (
  port: number,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body = '',
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    call.on('error', reject).end(body);
  });

const behavesLikeTheHttpPort = (engine: string, listen: ListenHttp) => () => {
  let server: HttpServer;
  let asked: HttpRequest[];
  let answer: () => Promise<HttpResponse>;
  beforeEach(async () => {
    asked = [];
    answer = async () => ({
      status: 200,
      headers: { 'x-extra': 'yes', 'content-type': 'text/plain' },
      body: 'grüße\n',
    });
    server = await listen('127.0.0.1', 0, (call) => {
      asked.push(call);
      return answer();
    });
  });
  afterEach(() => server.close());

  test('hands over method, path, query and authorization', async () => {
    await ask(server.port, 'GET', '/some/path?token=a%20b&x=', { authorization: 'Bearer secret' });
    const [call] = asked;
    expect(call).toMatchObject({ method: 'GET', path: '/some/path', authorization: 'Bearer secret' });
    expect([...(call?.query ?? [])]).toEqual([
      ['token', 'a b'],
      ['x', ''],
    ]);
    await ask(server.port, 'DELETE', '/');
    expect(asked[1]).toMatchObject({ method: 'DELETE', path: '/', authorization: '' });
  });

  test('answers with status, headers and body', async () => {
    const got = await ask(server.port, 'GET', '/');
    expect(got).toMatchObject({ status: 200, body: 'grüße\n', headers: { 'x-extra': 'yes', 'content-length': '8' } });
    answer = async () => ({ status: 503, headers: {}, body: '' });
    expect(await ask(server.port, 'GET', '/')).toMatchObject({ status: 503, body: '' });
  });

  test('HEAD has the length and no body', async () => {
    expect(await ask(server.port, 'HEAD', '/')).toMatchObject({
      status: 200,
      body: '',
      headers: { 'content-length': '8' },
    });
  });

  test('a body that nobody reads does no harm', async () => {
    expect(await ask(server.port, 'POST', '/', {}, 'x'.repeat(400_000))).toMatchObject({ status: 200 });
  });

  test('a body is read when somebody wants it, up to its limit', async () => {
    answer = async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      const body = await asked.at(-1)?.readBody();
      return { status: 200, headers: {}, body: body === null ? 'too long' : `${body?.length} ${body?.slice(0, 5)}` };
    };
    expect(await ask(server.port, 'POST', '/', {}, 'grüße')).toMatchObject({ body: '5 grüße' });
    expect(await ask(server.port, 'POST', '/', {}, 'x'.repeat(MAX_BODY_LENGTH))).toMatchObject({
      body: `${MAX_BODY_LENGTH} xxxxx`,
    });
    expect(await ask(server.port, 'POST', '/', {}, 'x'.repeat(MAX_BODY_LENGTH + 1))).toMatchObject({
      body: 'too long',
    });
    expect(await ask(server.port, 'POST', '/')).toMatchObject({ body: '0 ' });
    expect(await ask(server.port, 'GET', '/')).toMatchObject({ body: '0 ' });
  });

  test('a caller that hangs up before the answer does no harm', async () => {
    let finish = (): void => {};
    const late = new Promise<HttpResponse>((resolve) => {
      finish = () => resolve({ status: 200, headers: {}, body: 'late' });
    });
    answer = () => late;
    const socket = connect(server.port, '127.0.0.1', () => socket.write('GET /slow HTTP/1.1\r\nhost: x\r\n\r\n'));
    while (asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 20));
    finish();
    await late;
    answer = async () => ({ status: 200, headers: {}, body: 'next' });
    expect(await ask(server.port, 'GET', '/')).toMatchObject({ body: 'next' });
  });

  test('garbage on the port does no harm', async () => {
    await new Promise<void>((resolve) => {
      const socket = connect(server.port, '127.0.0.1', () => socket.end('\x00\xff nonsense\r\n\r\n'));
      socket.on('error', () => {}).on('close', () => resolve());
      socket.resume();
    });
    expect(await ask(server.port, 'GET', '/')).toMatchObject({ status: 200 });
  });

  test('a port that is taken is an error with a code', async () => {
    await expect(listen('127.0.0.1', server.port, answer)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  test('a closed server takes no calls and can be closed again', async () => {
    expect(server.engine).toBe(engine);
    await server.close();
    await server.close();
    await expect(ask(server.port, 'GET', '/')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
};

describe('node:http', behavesLikeTheHttpPort('node', listenNodeHttp));

const problem = uwsProblem();
const describeUws = problem === null ? describe : describe.skip;
describeUws(`uWebSockets.js${problem === null ? '' : ` (${problem})`}`, behavesLikeTheHttpPort('uws', listenUws));

/** Why it cannot be tested here, null when it can. */
function uwsProblem(): string | null {
  const load = createRequire(import.meta.url);
  let reason = '';
  for (const name of UWS_PACKAGES) {
    try {
      load(name);
      return null;
    } catch (error) {
      reason ||= (error as Error).message.split('\n', 1)[0] as string;
    }
  }
  return `skipped: ${reason}`;
}
