import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { PushUpdateReport } from '../registry/push-updater.js';
import type { KickReport } from '../shards/client-control.js';
import type { ReloadReport } from '../shards/reloader.js';
import type { UpgradeReport } from '../upgrade/upgrader.js';
import { answerKick, answerPushUpdate, type ClientWishes, type RefusedWish } from './control-routes.js';
import type { HttpHandler, HttpRequest, HttpResponse } from './http-port.js';
import { encodeMetrics, METRICS_TYPE } from './metrics.js';
import type { ServerStatus } from './server-status.js';

export interface AdminOptions extends ClientWishes {
  /** null = everyone who reaches the port may read, reload, upgrade and control clients. */
  readonly token: string | null;
  readonly readStatus: () => Promise<ServerStatus>;
  readonly reload: () => Promise<ReloadReport>;
  readonly upgrade: () => Promise<UpgradeReport>;
  readonly onProblem: (error: Error) => void;
}

/** `/healthz` (no token needed: it says nothing about clients), `/status`, `/metrics`, and by POST what changes something. */
export const adminHandler = (options: AdminOptions): HttpHandler => {
  const { token, readStatus, reload, upgrade, onProblem } = options;
  const routes: Readonly<Record<string, Route>> = {
    '/healthz': { methods: READING, answer: async () => health(await readStatus()) },
    '/status': { methods: READING, answer: async () => json(200, await readStatus()) },
    '/metrics': {
      methods: READING,
      answer: async () => text(200, await encodeMetrics(await readStatus()), METRICS_TYPE),
    },
    '/reload': { methods: ['POST'], answer: async () => told(await reload()) },
    '/upgrade': { methods: ['POST'], answer: async () => told(await upgrade()) },
    '/push-update': {
      methods: ['POST'],
      answer: withBody(async (body) => told(await answerPushUpdate(body, options))),
    },
    '/kick': { methods: ['POST'], answer: withBody(async (body) => told(await answerKick(body, options))) },
  };
  return async (request) => {
    if (token === null && !isOwnName(request.host)) return text(403, 'ask by IP address or as localhost\n');
    const route = Object.hasOwn(routes, request.path) ? routes[request.path] : undefined;
    if (route === undefined) return text(404, `not found; try ${Object.keys(routes).join(', ')}\n`);
    const { methods, answer } = route;
    if (!methods.includes(request.method)) {
      return withHeader(text(405, `only ${methods.join(' and ')}\n`), 'allow', methods.join(', '));
    }
    if (request.path !== '/healthz' && token !== null && !isAllowed(request, token)) {
      return withHeader(text(401, 'token missing or wrong\n'), 'www-authenticate', 'Bearer realm="shardvpn"');
    }
    if (methods !== READING && request.origin !== '') return text(403, 'not from a web page\n');
    try {
      return await answer(request);
    } catch (error) {
      onProblem(error as Error);
      return text(500, 'internal error, see the log\n');
    }
  };
};

interface Route {
  readonly methods: readonly string[];
  readonly answer: (request: HttpRequest) => Promise<HttpResponse>;
}

const READING = ['GET', 'HEAD'];

const told = (report: ReloadReport | UpgradeReport | PushUpdateReport | KickReport | RefusedWish): HttpResponse =>
  json('result' in report && report.result === 'refused' ? 422 : 200, report);

const withBody =
  (answer: (body: string) => Promise<HttpResponse>) =>
  async ({ readBody }: HttpRequest): Promise<HttpResponse> => {
    const body = await readBody();
    return body === null ? text(413, 'the body is too long\n') : answer(body);
  };

/** 503 when a data thread or a worker does not run. */
const health = ({ shards }: ServerStatus): HttpResponse => {
  const broken = shards.filter(({ state, worker }) => state !== 'running' || worker !== 'running');
  return json(broken.length === 0 ? 200 : 503, {
    status: broken.length === 0 ? 'ok' : 'degraded',
    shards: shards.map(({ shard, state, worker }) => ({ shard, state, worker })),
  });
};

/**
 * Where no token is asked for: a web page may give its own name the address of this machine, and then read the answers
 * (DNS rebinding). It cannot do that with an address or with `localhost`.
 */
const isOwnName = (host: string): boolean => {
  const name = host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1');
  return name === '' || name.toLowerCase() === 'localhost' || isIP(name) !== 0;
};

/** `Authorization: Bearer TOKEN` or `?token=TOKEN`, compared in constant time whatever their lengths. */
const isAllowed = ({ authorization, query }: HttpRequest, token: string): boolean => {
  const shown = /^bearer +(.*)$/i.exec(authorization)?.[1] ?? query.get('token') ?? '';
  return timingSafeEqual(digest(shown), digest(token));
};

const digest = (value: string): Buffer => createHash('sha256').update(value).digest();

const json = (status: number, value: unknown): HttpResponse =>
  text(status, `${JSON.stringify(value)}\n`, 'application/json; charset=utf-8');

const text = (status: number, body: string, type = 'text/plain; charset=utf-8'): HttpResponse => ({
  status,
  headers: { 'content-type': type, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' },
  body,
});

const withHeader = (response: HttpResponse, name: string, value: string): HttpResponse => ({
  ...response,
  headers: { ...response.headers, [name]: value },
});
