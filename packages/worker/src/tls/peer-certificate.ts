import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { PeerCertificate } from '@shardvpn/core';
import { hasKeyUsage } from './key-usage.js';

/** Extended key usages, by the side that shows them. */
const USAGES = {
  client: { oid: '1.3.6.1.5.5.7.3.2', name: 'TLS Web Client Authentication' },
  server: { oid: '1.3.6.1.5.5.7.3.1', name: 'TLS Web Server Authentication' },
} as const;

/** The certificate a verified peer showed, or null when it showed none. Call once a session: Node forgets the chain afterwards. */
export function readPeerCertificate(socket: TLSSocket, remoteCertTls: 'client' | 'server' | null): VerifiedPeer | null {
  const leaf = socket.getPeerCertificate(true);
  const x509 = socket.getPeerX509Certificate();
  if (x509 === undefined || leaf.raw === undefined) return null;
  return {
    certificate: {
      commonName: commonName(leaf),
      subject: printable(x509.subject.split('\n').join(', ')),
      serial: leaf.serialNumber.toUpperCase(),
      chainHashes: chainHashes(leaf),
      notAfter: Math.floor(Date.parse(leaf.valid_to) / 1000),
    },
    usageFault: remoteCertTls === null ? null : usageFault(leaf, remoteCertTls),
  };
}

export interface VerifiedPeer {
  readonly certificate: PeerCertificate;
  /** Why `remote-cert-tls` refuses it, or null. */
  readonly usageFault: string | null;
}

/** The last one of several, as OpenVPN has it; control characters become `_` so that a name stays one line of a log. */
function commonName(leaf: DetailedPeerCertificate): string {
  const name: string | string[] | undefined = leaf.subject?.CN;
  return printable((Array.isArray(name) ? name.at(-1) : name) ?? '');
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const printable = (text: string): string => text.replace(/[\u0000-\u001f\u007f]/g, '_');

/**
 * SHA-256 of leaf, intermediates and root. Newer Node versions tell only the leaf, which makes the list shorter but the same for
 * the whole life of a process, and that is what the identity lock compares.
 */
function chainHashes(leaf: DetailedPeerCertificate): string[] {
  const hashes: string[] = [];
  for (let certificate: DetailedPeerCertificate | undefined = leaf; certificate?.fingerprint256; certificate = certificate.issuerCertificate) {
    const hash = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
    if (hashes.includes(hash)) break;
    hashes.push(hash);
  }
  return hashes;
}

/** `remote-cert-tls`: a key usage must be there (OpenSSL has checked its bits) and the extended one must name the role. */
function usageFault(leaf: DetailedPeerCertificate, role: 'client' | 'server'): string | null {
  if (!hasKeyUsage(leaf.raw)) return `remote-cert-tls ${role}: certificate has no key usage extension`;
  if (leaf.ext_key_usage?.includes(USAGES[role].oid)) return null;
  return `remote-cert-tls ${role}: certificate has no extended key usage '${USAGES[role].name}'`;
}
