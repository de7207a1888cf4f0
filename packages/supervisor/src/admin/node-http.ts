import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type HttpHandler, type ListenHttp, MAX_BODY_LENGTH, parseTarget } from './http-port.js';

/** The HTTP port on node:http. */
export const listenNodeHttp: ListenHttp = async (host, port, handler) => {
  const server = createServer({
    requestTimeout: 10_000,
    headersTimeout: 5_000,
    keepAliveTimeout: 5_000,
    connectionsCheckingInterval: 2_000,
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on('request', (request, response) => void answer(request, response, handler));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    engine: 'node',
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

/** A scraper needs one; file descriptors and memory are for the tunnel. */
const MAX_CONNECTIONS = 100;

const answer = async (request: IncomingMessage, response: ServerResponse, handler: HttpHandler): Promise<void> => {
  const { status, headers, body } = await handler({
    method: request.method ?? '',
    ...parseTarget(request.url ?? ''),
    authorization: request.headers.authorization ?? '',
    host: request.headers.host ?? '',
    origin: request.headers.origin ?? '',
    readBody: () => readBody(request),
  });
  request.resume();
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(request.method === 'HEAD' ? undefined : body);
};

const readBody = async (request: IncomingMessage): Promise<string | null> => {
  if (request.method !== 'POST') return '';
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length <= MAX_BODY_LENGTH) parts.push(part);
  }
  return length > MAX_BODY_LENGTH ? null : Buffer.concat(parts).toString('utf8');
};
