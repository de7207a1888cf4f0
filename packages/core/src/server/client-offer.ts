import type { DataSuite } from '../data-plane.js';
import type { Path } from '../ids.js';
import { epochSuiteOf, suiteOf } from '../keys/data-suite.js';
import { negotiateCipher } from '../negotiate/cipher.js';
import { type ClientFeatures, clientFeatures } from '../negotiate/features.js';
import type { PeerCertificate } from '../ports.js';
import type { KeyMethodMessage } from '../wire/key-method.js';
import { parseOptionsString } from '../wire/options-string.js';
import { parsePeerInfo } from '../wire/peer-info.js';
import type { ClientIdentity } from './server-event.js';
import type { ServerOptions } from './server-options.js';

/** Who the client says it is. */
export const identityOf = (
  message: KeyMethodMessage,
  certificate: PeerCertificate | null,
  path: Path,
): ClientIdentity => {
  const username = message.credentials.type === 'password' ? message.credentials.username : null;
  return {
    commonName: certificate?.commonName ?? username ?? '',
    username,
    certificate,
    path,
    peerInfo: parsePeerInfo(message.peerInfo),
  };
};

/** What is fixed for the whole connection by the first key-method message. [wire 14.1] */
export interface ClientChoice {
  readonly features: ClientFeatures;
  readonly suite: DataSuite;
  readonly pushCipher: boolean;
}

export type OfferResult =
  | { readonly type: 'chosen'; readonly choice: ClientChoice }
  | { readonly type: 'refused'; readonly reply: string; readonly detail: string; readonly hint: string };

export const chooseForClient = (
  options: ServerOptions,
  message: KeyMethodMessage,
  peerInfo: ReadonlyMap<string, string>,
): OfferResult => {
  const optionsCipher = parseOptionsString(message.options).cipher;
  const result = negotiateCipher({
    dataCiphers: options.dataCiphers,
    fallback: options.fallbackCipher,
    peerInfo,
    optionsCipher,
  });
  if (result.type === 'refused') {
    const offered = result.offered.join(':') || 'none';
    return {
      type: 'refused',
      reply: result.reply,
      detail: `no shared data cipher: the client offers ${offered}, the server ${options.dataCiphers.join(':')}`,
      hint: cipherHint(result.offered.length === 0),
    };
  }
  const features = clientFeatures(peerInfo);
  const suite = suiteOf(result.cipher, options.occ.auth);
  const epochSuite = features.dataEpoch ? epochSuiteOf(suite) : null;
  return { type: 'chosen', choice: { features, suite: epochSuite ?? suite, pushCipher: result.push } };
};

const cipherHint = (silent: boolean): string =>
  silent
    ? 'the client announces no cipher; set data-ciphers-fallback to the cipher of its configuration'
    : 'server and client need a common entry in data-ciphers';
