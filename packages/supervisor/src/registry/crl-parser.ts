import 'reflect-metadata';
import { createHash } from 'node:crypto';
import { PemConverter, X509Certificate, X509Crl } from '@peculiar/x509';
import { VpnError } from '@shardvpn/core';
import { type Authority, canonicalSerial, RevocationList } from './revocation.js';

/**
 * Reads every CRL of a PEM text; `ca` is the PEM text of the authorities.
 * Throws `config/bad-crl` when there is none, or one cannot be read.
 * A module of its own because the certificate library takes a third of a second to load: import it when it is needed.
 */
export const parseRevocationList = (crl: string, ca: string): RevocationList => {
  const serials = new Map<string, Set<string>>();
  for (const list of crlsOf(crl)) {
    const known = serials.get(list.issuer) ?? new Set<string>();
    for (const entry of list.entries) known.add(canonicalSerial(entry.serialNumber));
    serials.set(list.issuer, known);
  }
  return new RevocationList(serials, authoritiesOf(ca));
};

const crlsOf = (pem: string): X509Crl[] => {
  try {
    const blocks = PemConverter.decodeWithHeaders(pem).filter(({ type }) => type === 'X509 CRL');
    if (blocks.length === 0) throw new Error('it holds no "X509 CRL" block');
    return blocks.map(({ rawData }) => readable(new X509Crl(rawData)));
  } catch (error) {
    throw new VpnError('config/bad-crl', `the CRL cannot be read: ${(error as Error).message}`);
  }
};

/** The parser finds no entries in a list without nextUpdate, which must not pass for a list that revokes nobody. */
const readable = (crl: X509Crl): X509Crl => {
  if (crl.nextUpdate === undefined)
    throw new Error('it has no nextUpdate field, which RFC 5280 demands; issue it again');
  return crl;
};

/** The authorities by the SHA-256 of their certificate. */
const authoritiesOf = (pem: string): Map<string, Authority> => {
  const blocks = PemConverter.decodeWithHeaders(pem).filter(({ type }) => type === 'CERTIFICATE');
  return new Map(
    blocks.map(({ rawData }) => {
      const { subject, issuer, serialNumber } = new X509Certificate(rawData);
      const hash = createHash('sha256').update(new Uint8Array(rawData)).digest('hex');
      return [hash, { subject, issuer, serial: canonicalSerial(serialNumber) }];
    }),
  );
};
