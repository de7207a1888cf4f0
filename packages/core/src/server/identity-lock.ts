import type { PeerCertificate } from '../ports.js';
import type { ClientIdentity } from './server-event.js';

/** What must stay the same for the life of a connection. [wire 17] */
export interface IdentityLock {
  readonly commonName: string;
  readonly username: string | null;
  readonly chainHashes: readonly string[];
}

export const lockOf = (identity: ClientIdentity): IdentityLock => ({
  commonName: identity.commonName,
  username: identity.username,
  chainHashes: chainOf(identity.certificate),
});

/** What differs, for the log; null when it is the same client. */
export const lockViolation = (lock: IdentityLock, identity: ClientIdentity): string | null => {
  if (identity.commonName !== lock.commonName) {
    return `the common name changed from '${lock.commonName}' to '${identity.commonName}'`;
  }
  if (identity.username !== lock.username) {
    return `the username changed from '${lock.username ?? ''}' to '${identity.username ?? ''}'`;
  }
  return sameChain(lock.chainHashes, chainOf(identity.certificate)) ? null : 'the certificate changed';
};

/** Whether two connections are the same client, by the same certificate and username. [wire 16] */
export const sameIdentity = (a: IdentityLock, b: IdentityLock): boolean =>
  a.commonName === b.commonName &&
  a.username === b.username &&
  (a.chainHashes.length > 0 || a.username !== null) &&
  sameChain(a.chainHashes, b.chainHashes);

const sameChain = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((hash, i) => hash === b[i]);

const chainOf = (certificate: PeerCertificate | null): readonly string[] => certificate?.chainHashes ?? [];
