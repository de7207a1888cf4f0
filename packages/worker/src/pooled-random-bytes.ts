import { randomFillSync } from 'node:crypto';

const POOL_LENGTH = 4096;

const pool = new Uint8Array(POOL_LENGTH);
let used = POOL_LENGTH;

/** Each call of OpenSSL's generator through Node costs as much as a kilobyte of it. What was given out is wiped here. */
export function pooledRandomBytes(length: number): Uint8Array {
  if (length > POOL_LENGTH) return randomFillSync(new Uint8Array(length));
  if (used + length > POOL_LENGTH) {
    randomFillSync(pool);
    used = 0;
  }
  const bytes = pool.slice(used, used + length);
  pool.fill(0, used, used + length);
  used += length;
  return bytes;
}
