import type { ServerConfig } from '../config/server-config.js';
import type { Log } from '../log.js';

/** A server that accepts clients. */
export interface RunningServer {
  readonly listening: readonly { readonly host: string; readonly port: number }[];
  /** Name of the tunnel device. */
  readonly device: string;
  readonly workers: number;
  /** Base address of the status endpoint, null when there is none. */
  readonly adminUrl: string | null;
  /** Tells the clients, ends the shards and frees everything; within 3 s. Idempotent. */
  stop(): Promise<void>;
  /** Resolves when the server cannot go on; `stop` is still to be called. */
  readonly failed: Promise<Error>;
}

/** Opens sockets and device, starts the shards, and resolves when all of them are ready. Rejects with a one-line error. */
export const startServer = async (config: ServerConfig, log: Log): Promise<RunningServer> => {
  log.debug('starting', { source: config.source });
  throw new Error('internal/unfinished: the supervisor is being written');
};
