import type { AeadKey, DataCipher } from '../data-plane.js';
import type { Role } from '../role.js';
import { staticKeySlot } from './static-key.js';

/** Keys of one key id for one side, in the shape of `install-key`. */
export interface DataKeys {
  readonly seal: AeadKey;
  readonly open: AeadKey;
}

/**
 * Cuts the data keys out of 256 bytes of key material. The server seals with the second half, the mirror image of
 * tls-crypt. null when a cipher key is all zero: such a key must not be used. [wire 3, 11.3]
 */
export const cutDataKeys = (material: Uint8Array, cipher: DataCipher, role: Role): DataKeys | null => {
  const clientToServer = cutDirection(material, 0, cipher);
  const serverToClient = cutDirection(material, 1, cipher);
  if (isZero(clientToServer.key) || isZero(serverToClient.key)) {
    return null;
  }
  return role === 'server'
    ? { seal: serverToClient, open: clientToServer }
    : { seal: clientToServer, open: serverToClient };
};

/** Bytes. */
export const DATA_KEY_LENGTH: Readonly<Record<DataCipher, number>> = {
  'AES-256-GCM': 32,
  'AES-192-GCM': 24,
  'AES-128-GCM': 16,
  'CHACHA20-POLY1305': 32,
};

const IMPLICIT_IV_LENGTH = 8;

const cutDirection = (material: Uint8Array, half: 0 | 1, cipher: DataCipher): AeadKey => ({
  key: staticKeySlot(material, half, 'cipher', DATA_KEY_LENGTH[cipher]),
  implicitIv: staticKeySlot(material, half, 'hmac', IMPLICIT_IV_LENGTH),
});

const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);
