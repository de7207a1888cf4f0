import type { ServerConfig } from '../config/server-config.js';
import type { Log } from '../log.js';
import { watchText } from '../system/watch-text.js';
import type { RevocationList } from './revocation.js';

/** What takes a new list into use: the registry ends clients, the shards refuse new ones. */
export interface CrlUsers {
  readonly setRevocation: (revoked: RevocationList) => void;
  readonly setCrl: (crl: string) => void;
}

/** The watch over the `crl-verify` file of the configuration in force. */
export class CrlFollower {
  readonly #users: CrlUsers;
  readonly #log: Log;
  #end: () => void = () => {};

  constructor(users: CrlUsers, log: Log) {
    this.#users = users;
    this.#log = log;
  }

  /** In place of the file before. */
  follow(config: Pick<ServerConfig, 'crlFile' | 'tls'>): void {
    this.#end();
    this.#end = followCrl(config, this.#users, this.#log);
  }

  close(): void {
    this.#end();
  }
}

/**
 * Takes each new text of the `crl-verify` file into use. A text that cannot be read changes nothing but the log:
 * the list before it stays. Returns what ends the watch.
 */
export const followCrl = (
  { crlFile, tls }: Pick<ServerConfig, 'crlFile' | 'tls'>,
  users: CrlUsers,
  log: Log,
  everyMs?: number,
): (() => void) => {
  if (crlFile === null) return () => {};
  let ended = false;
  const take = async (crl: string): Promise<void> => {
    try {
      const revoked = await readRevocation(crl, tls.ca);
      if (ended) return;
      log.info(`CRL ${crlFile} taken into use`);
      users.setCrl(crl);
      users.setRevocation(revoked);
    } catch (error) {
      log.error(`CRL ${crlFile}: ${(error as Error).message}; the one before stays in use`);
    }
  };
  let last = Promise.resolve();
  const end = watchText(
    crlFile,
    tls.crl ?? '',
    (crl) => {
      last = last.then(() => take(crl));
    },
    (error) => log.error(`CRL ${crlFile}: ${error.message}; the one before stays in use`),
    everyMs,
  );
  return () => {
    ended = true;
    end();
  };
};

/** The list that a CRL text stands for. Rejects with `config/bad-crl`. */
export const readRevocation = async (crl: string, ca: string): Promise<RevocationList> => {
  const { parseRevocationList } = await import('./crl-parser.js');
  return parseRevocationList(crl, ca);
};
