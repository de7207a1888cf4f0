import 'reflect-metadata';
import { createHash } from 'node:crypto';
import { PemConverter, X509Certificate, X509Crl } from '@peculiar/x509';
import { VpnError } from '@shardvpn/core';

/** Certificates that the CRLs revoke. Immutable: a new CRL makes a new one. */
export class RevocationList {
  /** Upper-case hex serials of each issuer, by its name. */
  readonly #serials: ReadonlyMap<string, ReadonlySet<string>>;
  readonly #authorities: ReadonlyMap<string, Authority>;

  private constructor(serials: ReadonlyMap<string, ReadonlySet<string>>, authorities: ReadonlyMap<string, Authority>) {
    this.#serials = serials;
    this.#authorities = authorities;
  }

  static readonly empty = new RevocationList(new Map(), new Map());

  /**
   * Reads every CRL of a PEM text; `ca` is the PEM text of the authorities.
   * Throws `config/bad-crl` when there is none, or one cannot be read.
   */
  static parse(crl: string, ca: string): RevocationList {
    const serials = new Map<string, Set<string>>();
    for (const list of crlsOf(crl)) {
      const known = serials.get(list.issuer) ?? new Set<string>();
      for (const entry of list.entries) known.add(canonicalSerial(entry.serialNumber));
      serials.set(list.issuer, known);
    }
    return new RevocationList(serials, authoritiesOf(ca));
  }

  /**
   * Whether a client's certificate, or an authority of its chain that the server knows, is revoked.
   * The issuer is the chain's next certificate. One that is not in the `ca` text (sent by the client) is matched by its
   * serial alone, with the lists of issuers that are not in the `ca` text either.
   */
  revokes(leaf: { readonly serial: string; readonly chainHashes: readonly string[] }): boolean {
    const chain = leaf.chainHashes.map((hash) => this.#authorities.get(hash));
    const serials = [canonicalSerial(leaf.serial), ...chain.slice(1).map((authority) => authority?.serial)];
    return serials.some((serial, i) => serial !== undefined && this.#listed(serial, issuerName(chain, i)));
  }

  #listed(serial: string, issuer: string | undefined): boolean {
    if (issuer !== undefined) return this.#serials.get(issuer)?.has(serial) ?? false;
    const known = new Set([...this.#authorities.values()].map((authority) => authority.subject));
    return [...this.#serials].some(([name, serials]) => !known.has(name) && serials.has(serial));
  }
}

interface Authority {
  readonly subject: string;
  readonly issuer: string;
  readonly serial: string;
}

type Chain = readonly (Authority | undefined)[];
const issuerName = (chain: Chain, i: number): string | undefined => chain[i]?.issuer ?? chain[i + 1]?.subject;

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

/** Tools differ in case and in leading zeros. */
const canonicalSerial = (hex: string): string => hex.toUpperCase().replace(/^0+(?=.)/, '');
