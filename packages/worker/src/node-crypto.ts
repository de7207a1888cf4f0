import { createCipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { CryptoProvider } from '@shardvpn/core';

/** The control channel's primitives on OpenSSL. */
export const nodeCrypto: CryptoProvider = {
  randomBytes: (length) => new Uint8Array(randomBytes(length)),
  hmac(digest, key, parts) {
    const mac = createHmac(digest, key);
    for (const part of parts) mac.update(part);
    return new Uint8Array(mac.digest());
  },
  aes256Ctr: (key, iv, data) => new Uint8Array(createCipheriv('aes-256-ctr', key, iv).update(data)),
  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
};
