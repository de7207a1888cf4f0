import { X509Certificate } from 'node:crypto';

/** Longest chain followed; OpenSSL's own limit is 100, and nobody has more than a handful. */
const MAX_DEPTH = 10;

/** The authorities of a `ca` text, to find the chain of a certificate that OpenSSL has verified against them. */
export class CertificateAuthorities {
  readonly #authorities: readonly Authority[];

  /** PEM text; what is no certificate in it is passed over, since OpenSSL has judged the text. */
  constructor(pem: string) {
    this.#authorities = (pem.match(PEM_BLOCK) ?? []).map((block) => {
      const certificate = new X509Certificate(block);
      return { certificate, hash: hashOf(certificate) };
    });
  }

  /**
   * node:tls would tell the chain too, but newer versions only the leaf, and converting every certificate for each handshake took a
   * fifth of its time. `sent`: what the peer showed beside the leaf, where the leaf does not know it itself.
   */
  chainOf(leaf: X509Certificate, sent: readonly X509Certificate[] = []): CertificateChain {
    const hashes = [hashOf(leaf)];
    let last = leaf;
    let known = true;
    for (
      let issuer = this.#issuerOf(leaf, sent);
      issuer !== undefined && hashes.length < MAX_DEPTH;
      issuer = this.#issuerOf(issuer.certificate, sent)
    ) {
      if (hashes.includes(issuer.hash)) break;
      hashes.push(issuer.hash);
      known &&= this.#authorities.includes(issuer);
      last = issuer.certificate;
    }
    return { hashes, known: known && last !== leaf && last.checkIssued(last) };
  }

  /** Ours, or else the intermediate that the peer sent along; a root has none. */
  #issuerOf(certificate: X509Certificate, others: readonly X509Certificate[]): Authority | undefined {
    if (certificate.checkIssued(certificate)) return undefined;
    const own = this.#authorities.find((authority) => certificate.checkIssued(authority.certificate));
    if (own !== undefined) return own;
    const sent = certificate.issuerCertificate ?? others.find((other) => certificate.checkIssued(other));
    return sent === undefined ? undefined : { certificate: sent, hash: hashOf(sent) };
  }
}

/** Leaf, intermediates and root. */
export interface CertificateChain {
  /** SHA-256 of each, lower-case hex. */
  readonly hashes: readonly string[];
  /** All but the leaf are ours up to the root, so whatever else a peer sends along, this leaf has no other chain. */
  readonly known: boolean;
}

interface Authority {
  readonly certificate: X509Certificate;
  readonly hash: string;
}

const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

const hashOf = (certificate: X509Certificate): string => certificate.fingerprint256.replaceAll(':', '').toLowerCase();
