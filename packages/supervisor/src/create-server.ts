import { VpnError } from '@shardvpn/core';
import type { Authenticate } from './auth/auth-request.js';
import { type LoadedConfig, loadConfig } from './config/load-config.js';
import { problemText } from './config/problem.js';
import type { ServerConfig } from './config/server-config.js';
import { createLog, type Log } from './log.js';
import { type RunningServer, startServer } from './shards/supervisor.js';

/** Where the configuration comes from: an OpenVPN file, its text, or the finished meaning. */
export type CreateServerOptions = (
  | { readonly file: string }
  | {
      readonly text: string /** Relative file names count from here; default: the working directory. */;
      readonly directory?: string;
    }
  | { readonly config: ServerConfig }
) & {
  /**
   * Decides about every client that the TLS handshake lets through, and again at its renegotiations. With it,
   * `verify-client-cert none` and `optional` may be used.
   */
  readonly authenticate?: Authenticate;
  /** Default: as the configuration's `log` and `verb` say. */
  readonly log?: Log;
};

/**
 * Starts a server inside this program. It must be the main thread: the shards are its workers.
 * Rejects with a `VpnError`: `config/invalid` lists every error of the configuration, one a line.
 */
export const createServer = async (options: CreateServerOptions): Promise<RunningServer> => {
  const config = 'config' in options ? options.config : readConfig(options);
  const { verb, log } = config;
  return startServer(
    config,
    options.log ?? createLog({ verb, file: log?.file ?? null, append: log?.append ?? false }),
    undefined,
    {
      authenticate: options.authenticate ?? null,
      ...('config' in options ? {} : { readAgain: () => load(options) }),
    },
  );
};

type WrittenConfig = Exclude<CreateServerOptions, { readonly config: ServerConfig }>;

const readConfig = (options: WrittenConfig): ServerConfig => {
  const { config, problems } = load(options);
  if (config !== null) return config;
  const errors = problems.filter(({ severity }) => severity === 'error');
  throw new VpnError('config/invalid', errors.map(problemText).join('\n'));
};

const load = (options: WrittenConfig): LoadedConfig => {
  const surroundings = { checksUsers: options.authenticate !== undefined };
  return 'file' in options
    ? loadConfig({ arguments: ['--config', options.file] }, undefined, undefined, surroundings)
    : loadConfig({ text: options.text, name: 'server configuration' }, options.directory, undefined, surroundings);
};
