import { randomBytes } from 'node:crypto';

/** Text form of a static key, for tls-auth and tls-crypt. `key` is 256 bytes, random unless given. [wire 3] */
export const encodeStaticKey = (key: Uint8Array = randomBytes(256)): string => {
  const digits = Buffer.from(key).toString('hex');
  const lines = digits.match(/.{1,32}/g) ?? [];
  return ['-----BEGIN OpenVPN Static key V1-----', ...lines, '-----END OpenVPN Static key V1-----', ''].join('\n');
};
