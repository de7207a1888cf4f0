import type { DataSuite, DirectionKey } from '../data-plane.js';
import type { Role } from '../role.js';
import { DATA_KEY_LENGTH } from './data-suite.js';
import { type KeyHalf, staticKeySlot } from './static-key.js';

/** Keys of one key id for one side, in the shape of `install-key`. */
export interface DataKeys {
  readonly seal: DirectionKey;
  readonly open: DirectionKey;
}

/**
 * Cuts the data keys out of 256 bytes of key material. The server seals with the second half, the mirror image of
 * tls-crypt. null when a cipher key is all zero: such a key must not be used. [wire 3, 11.3]
 */
export const cutDataKeys = (material: Uint8Array, suite: DataSuite, role: Role): DataKeys | null => {
  const [clientToServer, serverToClient] = [cutDirection(material, 0), cutDirection(material, 1)];
  const keyLength = DATA_KEY_LENGTH[suite.cipher];
  if (keyLength > 0 && [clientToServer, serverToClient].some(({ cipher }) => isZero(cipher.subarray(0, keyLength)))) {
    return null;
  }
  return role === 'server'
    ? { seal: serverToClient, open: clientToServer }
    : { seal: clientToServer, open: serverToClient };
};

const cutDirection = (material: Uint8Array, half: KeyHalf): DirectionKey => ({
  cipher: staticKeySlot(material, half, 'cipher', SLOT_LENGTH),
  hmac: staticKeySlot(material, half, 'hmac', SLOT_LENGTH),
});

const SLOT_LENGTH = 64;

const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);
