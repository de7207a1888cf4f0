import { layersOn } from '../framing.js';
import type { Millis, PeerId } from '../ids.js';
import type { DataKeys } from '../keys/data-keys.js';
import { deriveDynamicTlsCryptKey } from '../keys/dynamic-tls-crypt.js';
import { limitPeer } from '../limit-peer.js';
import { encodePushReply, pushOptionFault, pushOptions } from '../negotiate/push-reply.js';
import { deriveDataKeys, type KeyExchange } from '../session/key-exchange.js';
import type { Key, Session } from '../session/session.js';
import { createTlsCryptWrapper } from '../wrap/tls-crypt.js';
import { chooseLayers } from './choose-layers.js';
import { layersMismatch } from './layers-mismatch.js';
import type { ServerContext } from './server-context.js';
import type { ConnectedClient, Lease } from './server-event.js';
import { derivationOf, type ServerPhase } from './server-phase.js';
import type { KnownClient, StageOf } from './stage.js';

/**
 * Peer and keys for the data thread, then the PUSH_REPLY that lets the client use them, which is for the caller to send. With a
 * fault nothing has been done, but for the lease that the client has now. [wire 14.1, 15]
 */
export const connectClient = (
  now: Millis,
  context: ServerContext,
  session: Session<ServerPhase>,
  stage: StageOf<'await-lease'>,
  granted: Lease,
): { readonly next: StageOf<'connected'>; readonly fault: string | null } => {
  const lease = { ...granted, push: [...granted.push, ...stage.client.push] };
  const result = installClient(now, context, session, stage, lease);
  const [pushed, fault] = 'fault' in result ? [[], result.fault] : [result, null];
  return { next: connectedStage(now, context, stage, lease, pushed), fault };
};

/** Why a leased client cannot be connected after all. */
interface ConnectFault {
  readonly fault: string;
}

/** The messages of the PUSH_REPLY. */
const installClient = (
  now: Millis,
  context: ServerContext,
  session: Session<ServerPhase>,
  stage: StageOf<'await-lease'>,
  lease: Lease,
): readonly string[] | ConnectFault => {
  const { client, peerId } = stage;
  const offer = { optionsString: stage.exchange.client.options, peerInfo: client.identity.peerInfo };
  const wanted = optionsFor(context, client, peerId, lease);
  const choice = chooseLayers(layersOn(session.link.path, context.options.layers), offer, wanted);
  const { layers, push: options } = choice;
  const bad = options.find((option) => pushOptionFault(option) !== null);
  if (bad !== undefined) {
    return { fault: `cannot push '${bad}': ${pushOptionFault(bad) ?? ''}` };
  }
  const { features, suite } = client.choice;
  const { channel } = session.current;
  const keys = deriveDataKeys(context.crypto, 'server', session.link, channel, stage.exchange, {
    derivation: derivationOf(features),
    suite,
  });
  const renegotiationKey = features.dynamicTlsCrypt
    ? deriveDynamicTlsCryptKey(channel.exporter(), session.link.staticKey)
    : null;
  if (keys === null || (features.dynamicTlsCrypt && renegotiationKey === null)) {
    return { fault: 'the data keys came out unusable' };
  }
  context.outbox.commands.push({
    type: 'add-peer',
    peerId,
    path: session.link.path,
    dataV2: features.dataV2,
    ipv4: lease.ipv4?.address ?? null,
    ipv6: lease.ipv6?.address ?? null,
    pingInterval: context.options.pingInterval,
    pingTimeout: context.options.pingTimeout,
    layers,
  });
  const { dataLimits, replayWindow } = context.options;
  context.outbox.commands.push(...limitPeer(peerId, dataLimits, replayWindow));
  session.installFirstKeys(now, peerId, suite, keys);
  if (renegotiationKey !== null) {
    const wrapper = createTlsCryptWrapper(renegotiationKey, 'server', context.crypto);
    session.link.useForRenegotiation(now, wrapper, renegotiationKey);
  }
  const mismatch = layersMismatch(choice, offer);
  if (mismatch !== null) context.outbox.events.push({ type: 'mismatched', path: session.link.path, ...mismatch });
  return encodePushReply(options);
};

const connectedStage = (
  now: Millis,
  { clock, options }: ServerContext,
  { client, peerId }: StageOf<'await-lease'>,
  lease: Lease,
  pushed: readonly string[],
): StageOf<'connected'> => {
  const { sessionTimeout = 0 } = options;
  const endAt = sessionTimeout === 0 ? null : now + 1000 * sessionTimeout;
  return { type: 'connected', client, lease, peerId, pushed, pushedAt: now, since: clock.unixAt(now), endAt };
};

/** The data keys of a later key id; null when they must not be used. */
export const renegotiatedKeys = (
  context: ServerContext,
  session: Session<ServerPhase>,
  key: Key<ServerPhase>,
  exchange: KeyExchange,
  client: KnownClient,
): DataKeys | null => {
  const { suite, features } = client.choice;
  const choice = { derivation: derivationOf(features), suite };
  return deriveDataKeys(context.crypto, 'server', session.link, key.channel, exchange, choice);
};

/** A connected client, for the world. */
export const describeClient = ({ client, peerId, lease, since }: StageOf<'connected'>): ConnectedClient => ({
  peerId,
  identity: client.identity,
  lease,
  cipher: client.choice.suite.cipher,
  tls: client.tls,
  keyDerivation: derivationOf(client.choice.features),
  since,
});

const optionsFor = (context: ServerContext, client: KnownClient, peerId: PeerId, lease: Lease): readonly string[] =>
  pushOptions({
    global: context.options.push,
    lease,
    peerId,
    cipher: client.choice.pushCipher ? client.choice.suite.cipher : null,
    features: client.choice.features,
    format: client.choice.suite.format,
    tunMtu: context.options.tunMtu,
  });
