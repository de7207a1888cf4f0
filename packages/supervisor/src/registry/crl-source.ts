import type { ServerConfig } from '../config/server-config.js';
import type { Log } from '../log.js';
import { watchText } from '../system/watch-text.js';
import type { RevocationList } from './revocation.js';

/** What takes a new list into use: the registry ends clients, the shards refuse new ones. */
export interface CrlUsers {
  readonly setRevocation: (revoked: RevocationList) => void;
  readonly setCrl: (crl: string) => void;
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
  const take = async (crl: string): Promise<void> => {
    try {
      const revoked = await readRevocation(crl, tls.ca);
      log.info(`CRL ${crlFile} taken into use`);
      users.setCrl(crl);
      users.setRevocation(revoked);
    } catch (error) {
      log.error(`CRL ${crlFile}: ${(error as Error).message}; the one before stays in use`);
    }
  };
  let last = Promise.resolve();
  return watchText(
    crlFile,
    tls.crl ?? '',
    (crl) => {
      last = last.then(() => take(crl));
    },
    (error) => log.error(`CRL ${crlFile}: ${error.message}; the one before stays in use`),
    everyMs,
  );
};

/** The list that a CRL text stands for. Rejects with `config/bad-crl`. */
export const readRevocation = async (crl: string, ca: string): Promise<RevocationList> => {
  const { parseRevocationList } = await import('./crl-parser.js');
  return parseRevocationList(crl, ca);
};
