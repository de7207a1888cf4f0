import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

x509.cryptoProvider.set(webcrypto as Crypto);

export type KeyKind = 'ec' | 'rsa';

/** PEM texts of a key and its certificate. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
  readonly parsed: x509.X509Certificate;
}

export interface LeafOptions {
  readonly kind?: KeyKind;
  /** Extended key usages; null leaves the extension out. */
  readonly usage?: 'client' | 'server' | null;
  /** Of `x509.KeyUsageFlags`; false leaves the extension out. */
  readonly keyUsage?: boolean | number;
  /** Marked as an authority although it is none. */
  readonly authority?: boolean;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** One line or a list of parts; the default has the name as its CN. */
  readonly subject?: x509.JsonName | string;
}

/** A certificate authority for tests. Serials count up from 0x1001. */
export class TestAuthority {
  readonly #keys: CryptoKeyPair;
  readonly #certificate: x509.X509Certificate;
  #serial = 0x1000;

  private constructor(keys: CryptoKeyPair, certificate: x509.X509Certificate) {
    this.#keys = keys;
    this.#certificate = certificate;
  }

  static async create(name = 'Test CA', kind: KeyKind = 'ec', notAfter = inDays(30)): Promise<TestAuthority> {
    return TestAuthority.#selfSigned(name, await generateKeys(kind), notAfter);
  }

  /** Another certificate of this root, with the same name and key. */
  renew(notAfter = inDays(30)): Promise<TestAuthority> {
    return TestAuthority.#selfSigned(this.#certificate.subject.replace('CN=', ''), this.#keys, notAfter);
  }

  static async #selfSigned(name: string, keys: CryptoKeyPair, notAfter: Date): Promise<TestAuthority> {
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: '01',
      name: `CN=${name}`,
      notBefore: inDays(-3),
      notAfter,
      keys,
      signingAlgorithm: signing(keys),
      extensions: await authorityExtensions(keys, 1),
    });
    return new TestAuthority(keys, certificate);
  }

  /** An intermediate of this authority. */
  async createIntermediate(name: string): Promise<TestAuthority> {
    const keys = await generateKeys('ec');
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: (++this.#serial).toString(16),
      issuer: this.#certificate.subject,
      subject: `CN=${name}`,
      notBefore: inDays(-1),
      notAfter: inDays(30),
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: signing(this.#keys),
      extensions: [
        ...(await authorityExtensions(keys, 0)),
        await x509.AuthorityKeyIdentifierExtension.create(this.#keys.publicKey),
      ],
    });
    return new TestAuthority(keys, certificate);
  }

  /** PEM. */
  get cert(): string {
    return `${this.#certificate.toString('pem')}\n`;
  }

  async issue(name: string, options: LeafOptions = {}): Promise<TestCertificate> {
    const keys = await generateKeys(options.kind ?? 'ec');
    const parsed = await x509.X509CertificateGenerator.create({
      serialNumber: (++this.#serial).toString(16),
      issuer: this.#certificate.subject,
      subject: options.subject ?? `C=DE, O=ShardVPN Test, CN=${name}`,
      notBefore: options.notBefore ?? inDays(-1),
      notAfter: options.notAfter ?? inDays(10),
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: signing(this.#keys),
      extensions: await leafExtensions(keys, this.#keys.publicKey, options),
    });
    return { cert: `${parsed.toString('pem')}\n`, key: await privatePem(keys), parsed };
  }

  /** PEM of a list that is valid for ten days. */
  async revoke(...revoked: TestCertificate[]): Promise<string> {
    const crl = await x509.X509CrlGenerator.create({
      issuer: this.#certificate.subject,
      thisUpdate: inDays(-1),
      nextUpdate: inDays(10),
      signingKey: this.#keys.privateKey,
      signingAlgorithm: signing(this.#keys),
      entries: revoked.map(({ parsed }) => ({ serialNumber: parsed.serialNumber, revocationDate: inDays(-1) })),
    });
    return `${x509.PemConverter.encode(crl.rawData, 'X509 CRL')}\n`;
  }
}

export const inDays = (days: number): Date => new Date(Math.floor(Date.now() / 1000) * 1000 + days * 86_400_000);

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
};

const generateKeys = async (kind: KeyKind): Promise<CryptoKeyPair> =>
  (await webcrypto.subtle.generateKey(kind === 'ec' ? EC : RSA, true, ['sign', 'verify'])) as CryptoKeyPair;

const signing = (keys: CryptoKeyPair): typeof EC | typeof RSA =>
  keys.privateKey.algorithm.name === 'ECDSA' ? EC : RSA;

const authorityExtensions = async (keys: CryptoKeyPair, pathLength: number): Promise<x509.Extension[]> => [
  new x509.BasicConstraintsExtension(true, pathLength, true),
  new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
  await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
];

async function leafExtensions(
  keys: CryptoKeyPair,
  issuer: CryptoKey,
  { usage = 'client', keyUsage = true, authority = false }: LeafOptions,
): Promise<x509.Extension[]> {
  const extensions: x509.Extension[] = [
    new x509.BasicConstraintsExtension(authority),
    await x509.AuthorityKeyIdentifierExtension.create(issuer),
    await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
  ];
  const flags = keyUsage === true ? x509.KeyUsageFlags.digitalSignature : keyUsage;
  if (flags !== false) extensions.push(new x509.KeyUsagesExtension(flags, true));
  if (usage !== null) extensions.push(new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage[`${usage}Auth`]]));
  return extensions;
}

async function privatePem(keys: CryptoKeyPair): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
}
