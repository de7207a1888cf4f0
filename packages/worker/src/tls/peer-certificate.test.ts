import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { TestAuthority } from '../../../../test/support/pki.js';
import { CertificateAuthorities } from './certificate-chain.js';
import { hasKeyUsage } from './key-usage.js';
import { commonName } from './peer-certificate.js';

describe('common name', () => {
  test.each([
    ['CN=alice', 'alice'],
    ['C=DE\nO=Acme\nCN=alice', 'alice'],
    ['CN=first\nO=x\nCN=last', 'last'],
    ['O=x + CN=alice', 'alice'],
    ['CN=alice + serialNumber=7', 'alice'],
    ['CN=a\\+b\\, c', 'a+b, c'],
    ['CN=a \\+ CN=b', 'a + CN=b'],
    ['CN=a\\0Ab', 'a\nb'],
    ['CN=back\\\\slash', 'back\\slash'],
    ['O=CN\nOU=CN=x', ''],
    ['', ''],
  ])('of %j is %j', (subject, name) => expect(commonName(subject)).toBe(name));

  test('survives the way through a certificate', async () => {
    const ca = await TestAuthority.create();
    for (const name of ['plain', 'with, comma', 'a + b', 'ünïcödé', 'quote"d', ' space ']) {
      const { cert } = await ca.issue('', { subject: [{ O: ['Org'] }, { CN: [name] }] });
      expect(commonName(new X509Certificate(cert).subject)).toBe(name);
    }
  });
});

describe('certificate chain', () => {
  test('is the leaf and the authority that issued it, not its namesake', async () => {
    const [ca, other, namesake] = [
      await TestAuthority.create('A'),
      await TestAuthority.create('B'),
      await TestAuthority.create('A'),
    ];
    const authorities = new CertificateAuthorities(`${other.cert}\nsome text\n${namesake.cert}\n${ca.cert}`);
    const leaf = new X509Certificate((await ca.issue('x')).cert);
    const hash = (certificate: X509Certificate): string => certificate.fingerprint256.replaceAll(':', '').toLowerCase();
    expect(authorities.chainOf(leaf)).toEqual({
      hashes: [hash(leaf), hash(new X509Certificate(ca.cert))],
      known: true,
    });
    expect(new CertificateAuthorities('').chainOf(leaf)).toEqual({ hashes: [hash(leaf)], known: false });
  });
});

describe('key usage', () => {
  test('is seen where it is, in any cut of the certificate without a throw', async () => {
    const ca = await TestAuthority.create();
    const [having, lacking] = [await ca.issue('x', { kind: 'rsa' }), await ca.issue('x', { keyUsage: false })];
    const der = new Uint8Array(having.parsed.rawData);
    expect(hasKeyUsage(der)).toBe(true);
    expect(hasKeyUsage(new Uint8Array(lacking.parsed.rawData))).toBe(false);
    for (let length = 0; length < der.length; length += 7) expect(hasKeyUsage(der.subarray(0, length))).toBe(false);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => typeof hasKeyUsage(bytes) === 'boolean'));
  });
});
