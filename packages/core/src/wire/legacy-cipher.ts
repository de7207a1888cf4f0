/** How a cipher counts in the options string. Keysize in bits; `overhead` without packet id and digest. [wire 18] */
export interface CipherShape {
  readonly keyBits: number;
  readonly aead: boolean;
  readonly overhead: number;
}

/** `name` in upper case. Unknown names count as the historic default, BF-CBC. */
export const cipherShape = (name: string): CipherShape => {
  if (name === 'NONE') {
    return { keyBits: 0, aead: false, overhead: 0 };
  }
  if (name === 'CHACHA20-POLY1305') {
    return { keyBits: 256, aead: true, overhead: AEAD_OVERHEAD };
  }
  const [, bits, mode] = /^(?:AES|CAMELLIA|ARIA)-(128|192|256)-(GCM|CBC|CFB|OFB)$/.exec(name) ?? [];
  if (bits === undefined) {
    return { keyBits: 128, aead: false, overhead: 2 * 8 };
  }
  const aead = mode === 'GCM';
  return { keyBits: Number(bits), aead, overhead: aead ? AEAD_OVERHEAD : mode === 'CBC' ? 2 * 16 : 16 };
};

/** Digest size in bits of an `auth` name; 0 for none. Unknown names count as SHA1, the default. */
export const digestBits = (auth: string): number => DIGEST_BITS.get(auth.toUpperCase()) ?? 160;

/** Block, nonce and tag, as the formula counts them. */
const AEAD_OVERHEAD = 16 + 12 + 16;

const DIGEST_BITS = new Map<string, number>([
  ['NONE', 0],
  ['MD5', 128],
  ['SHA1', 160],
  ['SHA224', 224],
  ['SHA256', 256],
  ['SHA384', 384],
  ['SHA512', 512],
]);
