/** Certificates that the CRLs revoke. Immutable: a new CRL makes a new one. */
export class RevocationList {
  /** Canonical serials of each issuer, by its name. */
  readonly #serials: ReadonlyMap<string, ReadonlySet<string>>;
  /** By the SHA-256 of their certificate, lower-case hex. */
  readonly #authorities: ReadonlyMap<string, Authority>;

  constructor(serials: ReadonlyMap<string, ReadonlySet<string>>, authorities: ReadonlyMap<string, Authority>) {
    this.#serials = serials;
    this.#authorities = authorities;
  }

  static readonly empty = new RevocationList(new Map(), new Map());

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

/** An authority of the `ca` text. */
export interface Authority {
  readonly subject: string;
  readonly issuer: string;
  readonly serial: string;
}

type Chain = readonly (Authority | undefined)[];
const issuerName = (chain: Chain, i: number): string | undefined => chain[i]?.issuer ?? chain[i + 1]?.subject;

/** Tools differ in case and in leading zeros. */
export const canonicalSerial = (hex: string): string => hex.toUpperCase().replace(/^0+(?=.)/, '');
