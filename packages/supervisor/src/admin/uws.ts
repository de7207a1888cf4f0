import { createRequire } from 'node:module';
import { type HttpHandler, type HttpResponse, type ListenHttp, MAX_BODY_LENGTH, REASONS } from './http-port.js';

/**
 * The HTTP port on uWebSockets.js. Main thread only: a worker that is terminated with an open app aborts the process.
 * Rejects with `MODULE_NOT_FOUND` or the loader's error where the library is not installed or not made for this machine.
 */
export const listenUws: ListenHttp = async (host, port, handler) => {
  const uws = loadUws();
  const app = uws.App();
  app.any('/*', (response, request) => answer(response, request, handler));
  const token = await new Promise<unknown>((resolve) => app.listen(host, port, EXCLUSIVE_PORT, resolve));
  if (!token) throw Object.assign(new Error('listen failed'), { code: 'EADDRINUSE' });
  let open = true;
  return {
    engine: 'uws',
    port: uws.us_socket_local_port(token),
    close: async () => {
      if (open) app.close();
      open = false;
    },
  };
};

/** The packages that carry it, the first that loads is taken. None is a dependency: each is a download of 40 MB. */
export const UWS_PACKAGES = [
  'uWebSockets.js',
  '@btc-vision/uwebsockets.js',
  '@trufflesuite/uws-js-unofficial',
] as const;

/** LIBUS_LISTEN_EXCLUSIVE_PORT: without it a second server would share the port silently. */
const EXCLUSIVE_PORT = 1;

interface UwsRequest {
  getMethod(): string;
  getUrl(): string;
  getQuery(): string | undefined;
  getHeader(name: string): string;
}

interface UwsResponse {
  onAborted(handler: () => void): unknown;
  onData(handler: (part: ArrayBuffer, isLast: boolean) => void): unknown;
  cork(write: () => void): unknown;
  writeStatus(status: string): unknown;
  writeHeader(name: string, value: string): unknown;
  end(body: string): unknown;
  endWithoutBody(length: number, close?: boolean): unknown;
}

interface UwsModule {
  App(): {
    any(pattern: string, handler: (response: UwsResponse, request: UwsRequest) => void): unknown;
    listen(host: string, port: number, options: number, done: (token: unknown) => void): unknown;
    close(): unknown;
  };
  us_socket_local_port(token: unknown): number;
}

/** With `require`, which also looks where NODE_PATH says. */
const loadUws = (): UwsModule => {
  const load = createRequire(import.meta.url);
  let problem: unknown;
  for (const name of UWS_PACKAGES) {
    try {
      return load(name) as UwsModule;
    } catch (error) {
      if (problem === undefined || !isMissing(error)) problem = error;
    }
  }
  throw problem;
};

export const isMissing = (error: unknown): boolean => (error as { code?: string }).code === 'MODULE_NOT_FOUND';

/** The request object is only valid until this returns, the response until it is aborted. */
const answer = (response: UwsResponse, request: UwsRequest, handler: HttpHandler): void => {
  let aborted = false;
  const method = request.getMethod().toUpperCase();
  const body = method === 'POST' ? collectBody(response) : { whole: Promise.resolve(''), breakOff: () => {} };
  response.onAborted(() => {
    aborted = true;
    body.breakOff();
  });
  const asked = {
    method,
    path: request.getUrl(),
    query: new URLSearchParams(request.getQuery() ?? ''),
    authorization: request.getHeader('authorization'),
    host: request.getHeader('host'),
    origin: request.getHeader('origin'),
    readBody: () => body.whole,
  };
  void handler(asked).then((answered) => {
    if (!aborted) response.cork(() => write(response, answered, method === 'HEAD'));
  });
};

/** The parts are only valid while they are handed over, so the first has to be waited for before anybody wants them. */
const collectBody = (response: UwsResponse): { whole: Promise<string | null>; breakOff: () => void } => {
  const parts: Buffer[] = [];
  let length = 0;
  let breakOff = (): void => {};
  const whole = new Promise<string | null>((resolve, reject) => {
    breakOff = () => reject(new Error('the request broke off'));
    response.onData((part, isLast) => {
      length += part.byteLength;
      if (length <= MAX_BODY_LENGTH) parts.push(Buffer.from(part.slice(0)));
      if (isLast) resolve(length > MAX_BODY_LENGTH ? null : Buffer.concat(parts).toString('utf8'));
    });
  });
  whole.catch(() => {});
  return { whole, breakOff };
};

const write = (response: UwsResponse, { status, headers, body }: HttpResponse, withoutBody: boolean): void => {
  response.writeStatus(`${status} ${REASONS[status] ?? ''}`.trim());
  for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
  if (withoutBody) response.endWithoutBody(Buffer.byteLength(body));
  else response.end(body);
};
