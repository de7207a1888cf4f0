import { createHmac, timingSafeEqual } from 'node:crypto';
import { type CryptoProvider, type DigestName, VpnError } from '@shardvpn/core';
import { aes256Ctr, hmac } from '@shardvpn/native';
import { nativeTlsCrypt } from './native-tls-crypt.js';
import { pooledRandomBytes } from './pooled-random-bytes.js';

/**
 * The control channel's primitives, in the native core: setting OpenSSL's up through Node takes several times as long as a
 * packet's few hundred bytes do.
 */
export const nodeCrypto: CryptoProvider = {
  randomBytes: pooledRandomBytes,
  hmac(digest, key, parts) {
    const length = NATIVE_TAG_LENGTH[digest];
    if (length === null) return hmacOfNode(digest, key, parts);
    const tag = new Uint8Array(length);
    if (!hmac(key, joined(parts), tag)) throw new VpnError('internal/hmac', `no ${digest} in the native core`);
    return tag;
  },
  aes256Ctr(key, iv, data) {
    const text = new Uint8Array(data);
    if (!aes256Ctr(key, iv, text))
      throw new VpnError('internal/aes-ctr', `key of ${key.length} and IV of ${iv.length} bytes`);
    return text;
  },
  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
  tlsCrypt: nativeTlsCrypt,
};

/** Bytes; null where the native core has no such digest. */
const NATIVE_TAG_LENGTH: Readonly<Record<DigestName, number | null>> = {
  md5: null,
  sha1: 20,
  sha224: 28,
  sha256: 32,
  sha384: 48,
  sha512: 64,
};

const hmacOfNode = (digest: DigestName, key: Uint8Array, parts: readonly Uint8Array[]): Uint8Array => {
  const mac = createHmac(digest, key);
  for (const part of parts) mac.update(part);
  return new Uint8Array(mac.digest());
};

const joined = (parts: readonly Uint8Array[]): Uint8Array => {
  let length = 0;
  for (const part of parts) length += part.length;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
};
