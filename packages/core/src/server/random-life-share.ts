import type { CryptoProvider } from '../ports.js';

/** 90..100 % at random, so that clients of one moment do not come back in one moment. [wire 17] */
export const randomLifeShare = (crypto: CryptoProvider): number => {
  const [byte = 0] = crypto.randomBytes(1);
  return 0.9 + (0.1 * byte) / 255;
};
