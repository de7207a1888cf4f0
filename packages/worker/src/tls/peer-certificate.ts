import { createHash, X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { PeerCertificate } from '@shardvpn/core';
import type { CertificateAuthorities } from './certificate-chain.js';
import { hasKeyUsage } from './key-usage.js';

/** Extended key usages, by the side that shows them. */
const USAGES = {
  client: { oid: '1.3.6.1.5.5.7.3.2', name: 'TLS Web Client Authentication' },
  server: { oid: '1.3.6.1.5.5.7.3.1', name: 'TLS Web Server Authentication' },
} as const;

export interface ShownCertificate {
  readonly certificate: PeerCertificate;
  /** Why `remote-cert-tls` refuses it, or null. */
  readonly usageFault: string | null;
}

/** Certificates kept by a reader: those of clients that renegotiate or come again. */
const KEPT = 4096;

/**
 * Reads the certificates that peers show, whether they verified or not. OpenSSL takes longer over reading one than over all of the
 * handshake's elliptic curves, so what a certificate says is kept; only what cannot differ the next time is.
 */
export class PeerCertificateReader {
  readonly #authorities: CertificateAuthorities;
  readonly #remoteCertTls: 'client' | 'server' | null;
  readonly #kept = new Map<string, ShownCertificate>();

  constructor(authorities: CertificateAuthorities, remoteCertTls: 'client' | 'server' | null) {
    this.#authorities = authorities;
    this.#remoteCertTls = remoteCertTls;
  }

  /** null when the peer showed none. */
  read(socket: TLSSocket): ShownCertificate | null {
    // A SHA-256 of the whole certificate; absent on a client's socket, which reads one certificate in its life.
    const { fingerprint256 } = socket.getPeerCertificate() as { fingerprint256?: string };
    const kept = fingerprint256 === undefined ? undefined : this.#kept.get(fingerprint256);
    if (kept !== undefined) return kept;
    const leaf = socket.getPeerX509Certificate();
    if (leaf === undefined) return null;
    const chain = this.#authorities.chainOf(leaf);
    const shown = describe(leaf, chain.hashes, this.#remoteCertTls);
    if (socket.authorized && chain.known && fingerprint256 !== undefined) this.#keep(fingerprint256, shown);
    return shown;
  }

  /** `certificates`: DER, the peer's own first, which have verified; null when there is none. */
  readVerified([own, ...sent]: readonly Uint8Array[]): ShownCertificate | null {
    if (own === undefined) return null;
    const fingerprint = createHash('sha256').update(own).digest('hex');
    const kept = this.#kept.get(fingerprint);
    if (kept !== undefined) return kept;
    const leaf = new X509Certificate(own);
    const chain = this.#authorities.chainOf(
      leaf,
      sent.map((der) => new X509Certificate(der)),
    );
    const shown = describe(leaf, chain.hashes, this.#remoteCertTls);
    if (chain.known) this.#keep(fingerprint, shown);
    return shown;
  }

  /** The oldest gives way. */
  #keep(fingerprint: string, shown: ShownCertificate): void {
    if (this.#kept.size >= KEPT) this.#kept.delete(this.#kept.keys().next().value ?? '');
    this.#kept.set(fingerprint, shown);
  }
}

function describe(
  leaf: X509Certificate,
  chainHashes: readonly string[],
  remoteCertTls: 'client' | 'server' | null,
): ShownCertificate {
  const subject = leaf.subject ?? '';
  return {
    certificate: {
      commonName: printable(commonName(subject)),
      subject: printable(subject.split('\n').join(', ')),
      serial: leaf.serialNumber.toUpperCase(),
      chainHashes,
      notAfter: Math.floor(Date.parse(leaf.validTo) / 1000),
    },
    usageFault: remoteCertTls === null ? null : usageFault(leaf, remoteCertTls),
  };
}

/**
 * The last one of several, as OpenVPN has it; '' when there is none.
 * `subject` has one line a name part, `A=x + B=y` where a part has several attributes, and a plus sign in a value is escaped. [RFC 2253]
 */
export function commonName(subject: string): string {
  const attributes = subject.split('\n').flatMap((part) => part.split(' + '));
  const last = attributes.findLast((attribute) => attribute.startsWith('CN='));
  return last === undefined ? '' : unescapeValue(last.slice(3));
}

/** Hexadecimal escapes stand for control characters only: the rest is UTF-8 already. */
const unescapeValue = (text: string): string =>
  text.replace(/\\([0-9A-F]{2}|.)/gs, (_, escaped: string) =>
    escaped.length === 2 ? String.fromCharCode(Number.parseInt(escaped, 16)) : escaped,
  );

/** Control characters, those of eight bits too, become `_`, so that a name stays one line of a log and commands no terminal. */
const printable = (text: string): string => text.replace(/\p{Cc}/gu, '_');

/** `remote-cert-tls`: a key usage must be there (OpenSSL has checked its bits) and the extended one must name the role. */
function usageFault(leaf: X509Certificate, role: 'client' | 'server'): string | null {
  if (!hasKeyUsage(leaf.raw)) return `remote-cert-tls ${role}: certificate has no key usage extension`;
  // What Node calls the key usage is the extended one.
  const usages: readonly string[] | undefined = leaf.keyUsage;
  if (usages?.includes(USAGES[role].oid)) return null;
  return `remote-cert-tls ${role}: certificate has no extended key usage '${USAGES[role].name}'`;
}
