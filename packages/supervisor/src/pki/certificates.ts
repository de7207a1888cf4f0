import { randomBytes, webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  X509CrlGenerator,
} from './x509.js';

/** A certificate with its private key, both PEM. */
export interface KeyedCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** EC P-256 with SHA-256: every client since 2.4 takes it and handshakes are cheap. */
const CURVE = { name: 'ECDSA', namedCurve: 'P-256' };
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' };
/** Clocks of clients may be behind. */
const BACKDATE_MS = 24 * 3600 * 1000;

/** A self-signed authority. */
export const makeAuthority = async (commonName: string, notAfter: Date): Promise<KeyedCertificate> => {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      name: [{ CN: [commonName] }],
      serialNumber: newSerial(),
      notBefore: new Date(Date.now() - BACKDATE_MS),
      notAfter,
      keys,
      signingAlgorithm: SIGNATURE,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { certificate: pem(certificate), key: await privatePem(keys.privateKey) };
};

/** A certificate for one server or one client. */
export const issueCertificate = async (
  authority: KeyedCertificate,
  role: 'server' | 'client',
  commonName: string,
  notAfter: Date,
): Promise<KeyedCertificate & { readonly serial: string }> => {
  const keys = await newKeys();
  const issuer = new X509Certificate(authority.certificate);
  const usage = role === 'server' ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth;
  const serial = newSerial();
  const certificate = await X509CertificateGenerator.create(
    {
      subject: [{ CN: [commonName] }],
      issuer: issuer.subjectName,
      serialNumber: serial,
      notBefore: new Date(Date.now() - BACKDATE_MS),
      notAfter,
      publicKey: keys.publicKey,
      signingKey: await signingKey(authority.key),
      signingAlgorithm: SIGNATURE,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([usage]),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
        await AuthorityKeyIdentifierExtension.create(issuer.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { certificate: pem(certificate), key: await privatePem(keys.privateKey), serial: serial.toUpperCase() };
};

export interface RevokedCertificate {
  /** Hex. */
  readonly serial: string;
  readonly revokedAt: Date;
}

/** A CRL with all the revoked certificates, PEM. */
export const makeCrl = async (
  authority: KeyedCertificate,
  revoked: readonly RevokedCertificate[],
  nextUpdate: Date,
): Promise<string> => {
  const issuer = new X509Certificate(authority.certificate);
  const crl = await X509CrlGenerator.create(
    {
      issuer: issuer.subjectName,
      thisUpdate: new Date(Date.now() - BACKDATE_MS),
      nextUpdate,
      entries: revoked.map(({ serial, revokedAt }) => ({ serialNumber: serial, revocationDate: revokedAt })),
      extensions: [await AuthorityKeyIdentifierExtension.create(issuer.publicKey, false, webcrypto)],
      signingKey: await signingKey(authority.key),
      signingAlgorithm: SIGNATURE,
    },
    webcrypto,
  );
  // The label that OpenSSL knows; the library writes another one.
  return `${PemConverter.encode(crl.rawData, 'X509 CRL').trim()}\n`;
};

const newKeys = (): Promise<webcrypto.CryptoKeyPair> => webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify']);

/** 16 random bytes, positive and without leading zero, in hex. */
const newSerial = (): string => {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40;
  return bytes.toString('hex');
};

const signingKey = (key: string): Promise<webcrypto.CryptoKey> =>
  webcrypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(key), CURVE, false, ['sign']);

const privatePem = async (key: webcrypto.CryptoKey): Promise<string> =>
  `${PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY').trim()}\n`;

const pem = (certificate: X509Certificate): string => `${certificate.toString('pem').trim()}\n`;
