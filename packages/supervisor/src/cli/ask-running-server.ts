import { request } from 'node:http';
import type { ServerConfig } from '../config/server-config.js';
import { complain } from './complain.js';

type Endpoint = NonNullable<ServerConfig['adminHttp']>;

/** POSTs to the server at its `admin-http` address; its report, or null when it does not obey, which has been told. */
export const askRunningServer = async <Report>(
  endpoint: Endpoint,
  path: string,
  waitMs: number,
  wish = '',
): Promise<Report | null> => {
  const { status, body } = await post(endpoint, path, waitMs, wish).catch((error: NodeJS.ErrnoException) => {
    throw new Error(
      `no server answers at ${endpoint.host} port ${endpoint.port} (admin-http): ${error.code ?? error.message}; ` +
        'is it running, and was it started with this address?',
    );
  });
  if (status === 200 || status === 422) return JSON.parse(body) as Report;
  complain(`shardvpn: the server refuses: ${status} ${body.trim()}`);
  return null;
};

const post = ({ host, port, token }: Endpoint, path: string, waitMs: number, wish: string) =>
  new Promise<{ status: number; body: string }>((resolve, reject) => {
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    const call = request({ host: reachable(host), port, method: 'POST', path, headers, agent: false });
    call.setTimeout(waitMs, () => call.destroy(new Error(`no answer within ${waitMs / 1000} s`)));
    call.on('error', reject).on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        body += part;
      });
      response.on('error', reject).on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    call.end(wish);
  });

/** A server that listens everywhere listens on loopback. */
const reachable = (host: string): string => (host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host);
