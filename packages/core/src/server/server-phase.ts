import type { Millis } from '../ids.js';
import type { ClientFeatures } from '../negotiate/features.js';
import type { PeerCertificate } from '../ports.js';
import type { KeyDerivation, KeyExchange } from '../session/key-exchange.js';

/** How far the server is with one key id. [wire 11] */
export type ServerPhase =
  | { readonly type: 'await-tls' }
  | { readonly type: 'await-key-method'; readonly certificate: PeerCertificate | null; readonly tls: string }
  /** Both key-method messages are there; somebody else decides about the client. */
  | {
      readonly type: 'await-auth';
      readonly request: number;
      readonly exchange: KeyExchange;
      readonly tls: string;
      readonly features: ClientFeatures;
      /** The latest moment for the answer. */
      readonly until: Millis;
      /** The client has been told to wait. */
      readonly pending: boolean;
    }
  | { readonly type: 'complete' };

/** The same for all key ids of a connection. */
export const derivationOf = (features: ClientFeatures): KeyDerivation =>
  features.keyDerivation === 'prf' ? 'prf' : 'tls-ekm';
