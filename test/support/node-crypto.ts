import { createCipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { CryptoProvider } from '../../packages/core/src/ports.js';

/** The core's cryptography for tests, on top of Node's. A seeded `random` makes a run repeatable. */
export const createNodeCrypto = (random: (length: number) => Uint8Array = secureRandom): CryptoProvider => ({
  randomBytes: random,
  hmac(digest, key, parts) {
    const hmac = createHmac(digest, key);
    for (const part of parts) {
      hmac.update(part);
    }
    return new Uint8Array(hmac.digest());
  },
  aes256Ctr(key, iv, data) {
    const cipher = createCipheriv('aes-256-ctr', key, iv);
    return new Uint8Array(Buffer.concat([cipher.update(data), cipher.final()]));
  },
  equal(a, b) {
    return a.length === b.length && timingSafeEqual(a, b);
  },
});

const secureRandom = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
