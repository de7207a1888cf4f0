import 'reflect-metadata';
import { createHash, randomBytes, webcrypto } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import {
  BasicConstraintsExtension,
  type X509Certificate,
  X509CertificateGenerator,
  X509CrlGenerator,
} from '@peculiar/x509';
import { parseRevocationList } from './crl-parser.js';
import { RevocationList } from './revocation.js';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const engine = webcrypto as unknown as Crypto;

interface Authority {
  readonly certificate: X509Certificate;
  readonly keys: CryptoKeyPair;
}

const newKeys = () => engine.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']) as Promise<CryptoKeyPair>;

const newAuthority = async (name: string, serialNumber = '01'): Promise<Authority> => {
  const keys = await newKeys();
  const extensions = [new BasicConstraintsExtension(true)];
  const certificate = await X509CertificateGenerator.createSelfSigned(
    { name: `CN=${name}`, serialNumber, keys, signingAlgorithm: ALGORITHM, extensions },
    engine,
  );
  return { certificate, keys };
};

const NEXT_YEAR = new Date(Date.now() + 365 * 86_400_000);

const crlOf = async (
  { certificate, keys }: Authority,
  serials: readonly string[],
  nextUpdate?: Date,
): Promise<string> => {
  const crl = await X509CrlGenerator.create(
    {
      issuer: certificate.subject,
      signingKey: keys.privateKey,
      signingAlgorithm: ALGORITHM,
      ...(nextUpdate && { nextUpdate }),
      entries: serials.map((serialNumber) => ({ serialNumber, revocationDate: new Date() })),
    },
    engine,
  );
  // The library's own label is not the one that openssl and openvpn read.
  return crl.toString('pem').replaceAll(' CRL-', ' X509 CRL-');
};

const hashOf = ({ certificate }: Authority): string =>
  createHash('sha256').update(new Uint8Array(certificate.rawData)).digest('hex');
const leafHash = randomBytes(32).toString('hex');

describe('revocation list', () => {
  let ours: Authority;
  let other: Authority;
  let ca: string;
  beforeAll(async () => {
    ours = await newAuthority('ours');
    other = await newAuthority('other', '02');
    ca = `${ours.certificate.toString('pem')}\n${other.certificate.toString('pem')}`;
  });

  test('revokes a serial of its issuer, however the serial is written', async () => {
    const list = parseRevocationList(await crlOf(ours, ['0a1b'], NEXT_YEAR), ca);
    const chainHashes = [leafHash, hashOf(ours)];
    expect(list.revokes({ serial: 'A1B', chainHashes })).toBe(true);
    expect(list.revokes({ serial: '0A1B', chainHashes })).toBe(true);
    expect(list.revokes({ serial: '0A1C', chainHashes })).toBe(false);
  });

  test('the same serial of another issuer is not revoked', async () => {
    const list = parseRevocationList(await crlOf(ours, ['0a1b'], NEXT_YEAR), ca);
    expect(list.revokes({ serial: '0A1B', chainHashes: [leafHash, hashOf(other)] })).toBe(false);
  });

  test('several lists in one file all count', async () => {
    const list = parseRevocationList(
      `${await crlOf(ours, ['11'], NEXT_YEAR)}\n${await crlOf(other, ['22'], NEXT_YEAR)}`,
      ca,
    );
    expect(list.revokes({ serial: '11', chainHashes: [leafHash, hashOf(ours)] })).toBe(true);
    expect(list.revokes({ serial: '22', chainHashes: [leafHash, hashOf(other)] })).toBe(true);
    expect(list.revokes({ serial: '22', chainHashes: [leafHash, hashOf(ours)] })).toBe(false);
  });

  test('an issuer that the server does not have is matched by its serial', async () => {
    const foreign = await newAuthority('intermediate', '07');
    const list = parseRevocationList(await crlOf(foreign, ['33'], NEXT_YEAR), ca);
    expect(list.revokes({ serial: '33', chainHashes: [leafHash, hashOf(foreign), hashOf(ours)] })).toBe(true);
  });

  test('a revoked authority of the chain revokes the client', async () => {
    const list = parseRevocationList(await crlOf(other, ['02'], NEXT_YEAR), ca);
    expect(list.revokes({ serial: '99', chainHashes: [leafHash, hashOf(other)] })).toBe(true);
  });

  test.each(['', 'nonsense', '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n'])('%j is not a CRL', (text) => {
    expect(() => parseRevocationList(text, ca)).toThrow(expect.objectContaining({ code: 'config/bad-crl' }));
  });

  test('a list without nextUpdate is refused rather than read as empty', async () => {
    const text = await crlOf(ours, ['0a1b']);
    expect(() => parseRevocationList(text, ca)).toThrow('nextUpdate');
  });

  test('the empty list revokes nobody', () => {
    expect(RevocationList.empty.revokes({ serial: '01', chainHashes: [leafHash] })).toBe(false);
  });
});
