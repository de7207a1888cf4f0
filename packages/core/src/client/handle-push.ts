import { DATA_CIPHERS, type DataCommand, type DataSuite } from '../data-plane.js';
import type { PeerId } from '../ids.js';
import { epochSuiteOf, suiteOf } from '../keys/data-suite.js';
import type { PushedOptions } from '../negotiate/pushed-options.js';
import type { KeyDerivation } from '../session/key-exchange.js';
import type { ClientOptions } from './client-options.js';

/** What a PUSH_REPLY decides for the whole connection. */
export interface ConnectChoice {
  readonly suite: DataSuite;
  readonly derivation: KeyDerivation;
}

/** The choice, or why this server cannot be used. [wire 14.1] */
export const chooseFromPush = (
  options: ClientOptions,
  pushed: PushedOptions,
): ConnectChoice | { readonly fault: string } => {
  if (pushed.unknownFlags.length > 0) {
    return { fault: `the server wants unknown protocol-flags: ${pushed.unknownFlags.join(' ')}` };
  }
  if (pushed.cipher === null) {
    return options.fallbackCipher === null
      ? { fault: 'the server pushed no cipher and there is no data-ciphers-fallback' }
      : inPushedFormat(suiteOf(options.fallbackCipher), pushed);
  }
  const cipher = DATA_CIPHERS.find((name) => name === pushed.cipher);
  return cipher !== undefined && options.dataCiphers.includes(cipher)
    ? inPushedFormat(suiteOf(cipher), pushed)
    : { fault: `the server pushed the cipher ${pushed.cipher}, which is not one of ours` };
};

/** The epoch format replaces the one that goes with the cipher, where there can be one. [wire 12.2] */
const inPushedFormat = (suite: DataSuite, pushed: PushedOptions): ConnectChoice | { readonly fault: string } => {
  const derivation = pushed.keyDerivation;
  if (!pushed.dataEpoch) {
    return { suite, derivation };
  }
  const epochSuite = pushed.peerId === null ? null : epochSuiteOf(suite);
  return epochSuite === null
    ? { fault: `the server pushed aead-epoch, which needs a peer-id and an AEAD cipher, not ${suite.cipher}` }
    : { suite: epochSuite, derivation };
};

/** The server as a peer of the data thread. */
export const peerFromPush = (own: ClientOptions, peerId: PeerId, options: PushedOptions): DataCommand => ({
  type: 'add-peer',
  peerId,
  path: own.remote,
  dataV2: options.peerId !== null,
  ipv4: options.ifconfig?.address ?? null,
  ipv6: options.ifconfigIpv6?.address ?? null,
  pingInterval: options.ping ?? own.pingInterval,
  pingTimeout: options.pingRestart ?? own.pingTimeout,
});

/** What a pushed `auth-token` makes of the credentials: the next key exchange shows it instead of the password. */
export const withToken = (
  credentials: ClientOptions['credentials'],
  { authToken }: PushedOptions,
): ClientOptions['credentials'] =>
  credentials === null || authToken === null ? credentials : { ...credentials, password: authToken };
