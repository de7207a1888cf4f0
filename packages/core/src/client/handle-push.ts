import { NO_LIMITS } from '../data-limits.js';
import type { DataCipher, DataCommand, DataSuite } from '../data-plane.js';
import type { Millis, PeerId } from '../ids.js';
import type { DataKeys } from '../keys/data-keys.js';
import { dataCipherOf, epochSuiteOf, suiteOf } from '../keys/data-suite.js';
import { deriveDynamicTlsCryptKey } from '../keys/dynamic-tls-crypt.js';
import { limitPeer } from '../limit-peer.js';
import { pullAction } from '../negotiate/pull-filter.js';
import { applyPushUpdate, parseOptionUpdate } from '../negotiate/push-update.js';
import { type PushedOptions, readPushedOptions } from '../negotiate/pushed-options.js';
import type { CryptoProvider } from '../ports.js';
import { deriveDataKeys, type KeyDerivation, type KeyExchange } from '../session/key-exchange.js';
import type { Session } from '../session/session.js';
import { parseOptionsString } from '../wire/options-string.js';
import { framingFault, layersFromPush } from './client-layers.js';
import type { ClientOptions } from './client-options.js';
import type { ClientPhase } from './client-phase.js';

type AddPeer = Extract<DataCommand, { type: 'add-peer' }>;

/** What a PUSH_REPLY decides for the whole connection. */
export interface ConnectChoice {
  readonly suite: DataSuite;
  readonly derivation: KeyDerivation;
}

/**
 * The choice, or why this server cannot be used. A server that pushes no cipher may name its own in `serverOptions`, its
 * options string. [wire 14.1, 18]
 */
const chooseFromPush = (
  options: ClientOptions,
  pushed: PushedOptions,
  serverOptions: string,
): ConnectChoice | { readonly fault: string } => {
  if (pushed.unknownFlags.length > 0) {
    return { fault: `the server wants unknown protocol-flags: ${pushed.unknownFlags.join(' ')}` };
  }
  const fault = framingFault(options, pushed);
  if (fault !== null) {
    return { fault };
  }
  const named = pushed.cipher ?? parseOptionsString(serverOptions).cipher;
  const cipher = ownCipher(options, named) ?? (pushed.cipher === null ? options.fallbackCipher : null);
  if (cipher !== null) {
    return inPushedFormat(suiteOf(cipher, options.occ.auth), pushed);
  }
  return pushed.cipher === null
    ? { fault: 'the server pushed no cipher and there is no data-ciphers-fallback' }
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

const ownCipher = (options: ClientOptions, name: string | null): DataCipher | null => {
  const cipher = name === null ? undefined : dataCipherOf(name);
  return cipher !== undefined && options.dataCiphers.includes(cipher) ? cipher : null;
};

/** The server as a peer of the data thread. */
export const peerFromPush = (own: ClientOptions, peerId: PeerId, options: PushedOptions): AddPeer => ({
  type: 'add-peer',
  peerId,
  path: own.remote,
  dataV2: options.peerId !== null,
  ipv4: options.ifconfig?.address ?? null,
  ipv6: options.ifconfigIpv6?.address ?? null,
  pingInterval: options.ping ?? own.pingInterval,
  pingTimeout: options.silence?.seconds ?? own.pingTimeout,
  layers: layersFromPush(own, options),
});

/** That, and the limits of it. */
export const ordersFromPush = (own: ClientOptions, peerId: PeerId, options: PushedOptions): readonly DataCommand[] => {
  const limits = { ...NO_LIMITS, ...own.dataLimits };
  return [
    peerFromPush(own, peerId, options),
    ...limitPeer(peerId, { ...limits, inactive: options.inactive ?? limits.inactive }, own.replayWindow),
  ];
};

/** When the connection has to end, whatever happens; null for never. */
export const endFromPush = (now: Millis, own: ClientOptions, options: PushedOptions): Millis | null => {
  const seconds = options.sessionTimeout ?? own.sessionTimeout ?? 0;
  return seconds === 0 ? null : now + 1000 * seconds;
};

/** What a PUSH_REPLY makes of the key exchange, or why this server cannot be used. */
export const deriveFromPush = (
  own: ClientOptions,
  crypto: CryptoProvider,
  session: Session<ClientPhase>,
  exchange: KeyExchange,
  pushed: PushedOptions,
): ConnectTerms | { readonly fault: string } => {
  const choice = chooseFromPush(own, pushed, exchange.server.options);
  if ('fault' in choice) {
    return choice;
  }
  const { link, current } = session;
  const keys = deriveDataKeys(crypto, 'client', link, current.channel, exchange, choice);
  const renegotiationKey = pushed.dynamicTlsCrypt
    ? deriveDynamicTlsCryptKey(current.channel.exporter(), link.staticKey)
    : null;
  return keys === null || (pushed.dynamicTlsCrypt && renegotiationKey === null)
    ? { fault: 'the data keys came out unusable' }
    : { choice, keys, renegotiationKey };
};

export interface ConnectTerms {
  readonly choice: ConnectChoice;
  readonly keys: DataKeys;
  /** Of the wrapper for key ids above 0, where there is one of its own. */
  readonly renegotiationKey: Uint8Array | null;
}

/** What an update makes of the options in force, or what it asks for that this connection cannot give. [wire 15] */
export const updateFromPush = (
  own: ClientOptions,
  peerId: PeerId,
  options: PushedOptions,
  update: readonly string[],
): { readonly options: PushedOptions; readonly command: DataCommand } | { readonly fault: string } => {
  const wanted = update.filter((text) => {
    const option = parseOptionUpdate(text)?.option ?? text;
    return pullAction(own.pullFilters, option) !== 'ignore';
  });
  const result = applyPushUpdate(options.all, wanted);
  if ('unsupported' in result) {
    return { fault: `the server changes '${result.unsupported}', which takes a new connection` };
  }
  const after = readPushedOptions(result.options, own.pullFilters);
  const { ipv4, ipv6, pingInterval, pingTimeout } = peerFromPush(own, peerId, after);
  return { options: after, command: { type: 'update-peer', peerId, ipv4, ipv6, pingInterval, pingTimeout } };
};

/** What a pushed `auth-token` makes of the credentials: the next key exchange shows it instead of the password. */
export const withToken = (
  credentials: ClientOptions['credentials'],
  { authToken }: PushedOptions,
): ClientOptions['credentials'] =>
  credentials === null || authToken === null ? credentials : { ...credentials, password: authToken };
