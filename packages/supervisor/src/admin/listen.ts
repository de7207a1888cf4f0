import type { Log } from '../log.js';
import { endpointText } from '../system/sockets.js';
import { startError } from '../system/start-error.js';
import type { HttpHandler, HttpServer } from './http-port.js';
import { listenNodeHttp } from './node-http.js';
import { isMissing, listenUws } from './uws.js';

/** Opens the status endpoint with uWebSockets.js where it loads, else with node:http. */
export const listenAdmin = async (
  { host, port }: { readonly host: string; readonly port: number },
  handler: HttpHandler,
  log: Log,
): Promise<HttpServer> => {
  try {
    return await listenUws(host, port, handler);
  } catch (error) {
    log.debug('status endpoint uses node:http', {
      reason: isMissing(error) ? 'no uWebSockets.js installed' : (error as Error).message,
    });
  }
  try {
    return await listenNodeHttp(host, port, handler);
  } catch (error) {
    throw startError(
      'config/cannot-listen',
      `cannot listen on ${endpointText({ host, port })}/tcp (admin-http)`,
      error,
      {
        EADDRINUSE: 'another program uses this port: stop it, or choose another with "admin-http"',
        EADDRNOTAVAIL: 'this machine does not have that address: change "admin-http"',
        EACCES: 'ports below 1024 need root',
      },
    );
  }
};
