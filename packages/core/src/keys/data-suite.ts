import { AEAD_CIPHERS, AUTH_DIGESTS, DATA_CIPHERS, type DataCipher, type DataSuite } from '../data-plane.js';
import { VpnError } from '../errors.js';

/**
 * The suite of a cipher and an `auth` digest, which an AEAD does not use. A digest that only the control channel has is an
 * error of the configuration. [wire 12]
 */
export const suiteOf = (cipher: DataCipher, auth = 'SHA1'): DataSuite => {
  if (isAead(cipher)) return { format: 'aead', cipher, auth: 'none' };
  const digest = AUTH_DIGESTS.find((name) => name.toUpperCase() === auth.toUpperCase());
  if (digest === undefined) {
    throw new VpnError('config/auth', `the data channel has no auth ${auth}, which ${cipher} needs; use SHA256`);
  }
  return { format: cipher === 'none' ? 'plain' : 'cbc', cipher, auth: digest };
};

/** Authenticates without a digest. */
export const isAead = (cipher: DataCipher): boolean => AEAD_CIPHERS.some((name) => name === cipher);

/** The cipher of this name in whatever case. */
export const dataCipherOf = (name: string): DataCipher | undefined => BY_UPPER_NAME.get(name.toUpperCase());

/** The same in the epoch format; null where there is none: it is for AEAD ciphers. [wire 12.2] */
export const epochSuiteOf = (suite: DataSuite): DataSuite | null =>
  suite.format === 'aead' ? { ...suite, format: 'epoch' } : null;

/** Length of the cipher's key, bytes. */
export const DATA_KEY_LENGTH: Readonly<Record<DataCipher, number>> = {
  'AES-256-GCM': 32,
  'AES-192-GCM': 24,
  'AES-128-GCM': 16,
  'CHACHA20-POLY1305': 32,
  'AES-256-CBC': 32,
  'AES-192-CBC': 24,
  'AES-128-CBC': 16,
  none: 0,
};

const BY_UPPER_NAME: ReadonlyMap<string, DataCipher> = new Map(DATA_CIPHERS.map((name) => [name.toUpperCase(), name]));
