import type { DataCipher } from '../data-plane.js';

export interface CipherNegotiationInput {
  /** The server's, most preferred first. */
  readonly dataCiphers: readonly DataCipher[];
  /** For clients that tell nothing at all; null refuses them. */
  readonly fallback: DataCipher | null;
  readonly peerInfo: ReadonlyMap<string, string>;
  /** `cipher` of the client's options string, in upper case. */
  readonly optionsCipher: string | null;
}

export type CipherNegotiation =
  /** `push`: tell the client with `cipher`. */
  | { readonly type: 'chosen'; readonly cipher: DataCipher; readonly push: boolean }
  /** `reply` is the control message for the client, `offered` what it would have taken: nothing from one that tells nothing. */
  | { readonly type: 'refused'; readonly reply: string; readonly offered: readonly string[] };

/** [wire 14.1] */
export const negotiateCipher = (input: CipherNegotiationInput): CipherNegotiation => {
  const offer = clientOffer(input);
  const shared = input.dataCiphers.find((cipher) => offer.ciphers.includes(cipher.toUpperCase()));
  const cipher = shared ?? (offer.silent ? input.fallback : null);
  return cipher === null
    ? { type: 'refused', reply: NO_SHARED_CIPHER, offered: offer.ciphers }
    : { type: 'chosen', cipher, push: offer.pushable };
};

/** compat: clients show the text behind the comma to their user. [wire 14.1] */
const NO_SHARED_CIPHER = 'AUTH_FAILED,Data channel cipher negotiation failed (no shared cipher)';

/** Names in upper case. */
interface ClientOffer {
  readonly ciphers: readonly string[];
  /** Told nothing about ciphers. */
  readonly silent: boolean;
  /** Understands a pushed `cipher`. */
  readonly pushable: boolean;
}

const clientOffer = (input: CipherNegotiationInput): ClientOffer => {
  const list = input.peerInfo.get('IV_CIPHERS');
  if (list !== undefined) {
    return { ciphers: list.toUpperCase().split(':'), silent: false, pushable: true };
  }
  const pushable = Number(input.peerInfo.get('IV_NCP') ?? 0) >= 2;
  const ciphers = pushable ? ['AES-256-GCM', 'AES-128-GCM'] : [];
  if (input.optionsCipher !== null) {
    ciphers.push(input.optionsCipher);
  }
  return { ciphers, silent: ciphers.length === 0, pushable };
};
