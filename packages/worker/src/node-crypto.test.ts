import { createCipheriv, createHmac } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nodeCrypto } from './node-crypto.js';

const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });

describe('the ciphers of the control channel are those of OpenSSL', () => {
  test.each(['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'] as const)('HMAC with %s', (digest) => {
    const parts = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 });
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 70 }), parts, (key, list) => {
        const expected = createHmac(digest, key).update(Buffer.concat(list)).digest();
        expect(Buffer.from(nodeCrypto.hmac(digest, key, list)).equals(expected)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test('AES-256-CTR, with a counter that overflows as well', () => {
    const iv = fc.oneof(bytes(16), fc.constant(new Uint8Array(16).fill(255)));
    fc.assert(
      fc.property(bytes(32), iv, fc.uint8Array({ maxLength: 1300 }), (key, start, data) => {
        const before = Buffer.from(data);
        const expected = createCipheriv('aes-256-ctr', key, start).update(data);
        expect(Buffer.from(nodeCrypto.aes256Ctr(key, start, data)).equals(expected)).toBe(true);
        expect(before.equals(data)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test('a key or an IV of another length is a fault of ours', () => {
    const [key, iv] = [new Uint8Array(32), new Uint8Array(16)];
    expect(() => nodeCrypto.aes256Ctr(key.subarray(1), iv, key)).toThrow('key of 31');
    expect(() => nodeCrypto.aes256Ctr(key, iv.subarray(1), key)).toThrow('IV of 15');
  });

  test('random bytes are as many as asked for, and others each time', () => {
    const seen = new Set<string>();
    for (let i = 0; i < 1000; i++) {
      const bytes = nodeCrypto.randomBytes(16 + (i % 60));
      expect(bytes).toHaveLength(16 + (i % 60));
      seen.add(Buffer.from(bytes.subarray(0, 16)).toString('hex'));
    }
    expect(seen.size).toBe(1000);
    expect(nodeCrypto.randomBytes(10_000)).toHaveLength(10_000);
  });
});
