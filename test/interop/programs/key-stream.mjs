import { createCipheriv, createHash } from 'node:crypto';

/** A function that gives the next so many bytes of a stream which only depends on `name`. */
export function keyStream(name) {
  const key = createHash('md5').update(name).digest();
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  return (size) => cipher.update(Buffer.alloc(size));
}
