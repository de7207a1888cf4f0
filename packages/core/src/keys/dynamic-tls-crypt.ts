import type { TlsSession } from '../ports.js';
import { STATIC_KEY_LENGTH } from './static-key.js';

/**
 * Key of the tls-crypt wrapper for all key ids above 0, made once from the TLS session of key id 0.
 * `configured` is the static key of tls-auth or tls-crypt, null without wrapping. [wire 9]
 * Null when the TLS session is over.
 */
export const deriveDynamicTlsCryptKey = (tls: TlsSession, configured: Uint8Array | null): Uint8Array | null => {
  const exported = tls.exportKeyingMaterial('EXPORTER-OpenVPN-dynamic-tls-crypt', STATIC_KEY_LENGTH);
  return configured === null || exported === null ? exported : exported.map((byte, i) => byte ^ (configured[i] ?? 0));
};
