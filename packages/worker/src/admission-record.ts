import type { AdmissionOrder, DigestName, WrapOptions } from '@shardvpn/core';
import { encodeU32 } from '@shardvpn/ring';

/** Bytes of an ADMIT_BY record. */
export const ADMISSION_LENGTH = 440;

/** Flags, then wrapping, direction and digest, four numbers, and the keys. [docs/internal/rings/design.md] */
export function encodeAdmission(record: Uint8Array, order: AdmissionOrder | null): void {
  record.fill(0, 0, ADMISSION_LENGTH);
  if (order === null) return;
  const { wrap, tlsCryptV2Key, cookieKey, slotSeconds, limit, unixNow } = order;
  encodeU32(record, 0, ADMITS | (tlsCryptV2Key === null ? 0 : HAS_TLS_CRYPT_V2));
  record.set(wrapCodes(wrap), 4);
  encodeU32(record, 8, slotSeconds);
  encodeU32(record, 12, limit.count);
  encodeU32(record, 16, limit.seconds);
  encodeU32(record, 20, unixNow);
  record.set(cookieKey, 24);
  if (wrap.type !== 'none') record.set(wrap.key, 56);
  if (tlsCryptV2Key !== null) record.set(tlsCryptV2Key, 312);
}

const ADMITS = 1;
const HAS_TLS_CRYPT_V2 = 2;

/** Both sides use the same half of the key. */
const NO_DIRECTION = 2;

const DIGEST_CODES: Readonly<Record<DigestName, number>> = {
  md5: 0,
  sha1: 1,
  sha224: 2,
  sha256: 3,
  sha384: 4,
  sha512: 5,
};

function wrapCodes(wrap: WrapOptions): [wrap: number, direction: number, digest: number] {
  switch (wrap.type) {
    case 'none':
      return [0, 0, 0];
    case 'tls-auth':
      return [1, wrap.direction ?? NO_DIRECTION, DIGEST_CODES[wrap.digest]];
    case 'tls-crypt':
      return [2, 0, 0];
  }
}
