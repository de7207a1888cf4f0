import { createPrivateKey, X509Certificate } from 'node:crypto';
import { VpnError } from '@shardvpn/core';
import type { TlsServerOptions } from '@shardvpn/native';
import type { TlsOptions } from '../messages.js';

/** The options as the native core takes them. OpenSSL reads the PEM texts; throws what it cannot read. */
export function rustlsOptions(options: TlsOptions): TlsServerOptions {
  const { ca, cert, key, crl, minVersion, maxVersion, cipherList, cipherSuites, clientCertificate } = options;
  return {
    ca: certificates(ca),
    chain: certificates(cert),
    key: createPrivateKey(key).export({ type: 'pkcs8', format: 'der' }),
    crls: crl === null ? [] : lists(crl),
    tls12: minVersion === 'TLSv1.2',
    tls13: maxVersion !== 'TLSv1.2',
    cipherList,
    cipherSuites,
    groups: options.rustlsGroups ?? options.groups,
    clientCertificate,
  };
}

/** A `TRUSTED CERTIFICATE` says beside the certificate for what it is trusted, which only OpenSSL reads. */
function certificates(pem: string): Uint8Array[] {
  if (pem.includes('BEGIN TRUSTED CERTIFICATE'))
    throw new VpnError('config/tls-trusted-certificate', "a certificate has OpenSSL's trust settings");
  return (pem.match(CERTIFICATE) ?? []).map((block) => new X509Certificate(block).raw);
}

function lists(pem: string): Uint8Array[] {
  const blocks = [...pem.matchAll(CRL)];
  if (blocks.length === 0) throw new VpnError('config/bad-crl', 'the text holds no CRL');
  return blocks.map(([, base64]) => Buffer.from(base64 ?? '', 'base64'));
}

const CERTIFICATE = /-----BEGIN (?:X509 )?CERTIFICATE-----[^-]+-----END (?:X509 )?CERTIFICATE-----/g;
const CRL = /-----BEGIN X509 CRL-----([^-]+)-----END X509 CRL-----/g;
