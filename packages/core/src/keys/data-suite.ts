import type { DataCipher, DataSuite } from '../data-plane.js';

/** The suite that a negotiated cipher means. [wire 12] */
export const suiteOf = (cipher: DataCipher): DataSuite => ({ format: 'aead', cipher, auth: 'none' });

/** The same in the epoch format; null where there is none: it is for AEAD ciphers. [wire 12.2] */
export const epochSuiteOf = (suite: DataSuite): DataSuite | null =>
  suite.format === 'aead' ? { ...suite, format: 'epoch' } : null;

/** Length of the cipher's key, bytes. */
export const DATA_KEY_LENGTH: Readonly<Record<DataCipher, number>> = {
  'AES-256-GCM': 32,
  'AES-192-GCM': 24,
  'AES-128-GCM': 16,
  'CHACHA20-POLY1305': 32,
};
