import type { DataCommand } from '../data-plane.js';
import { isStream, type Millis, type UnixSeconds } from '../ids.js';
import type { CryptoProvider } from '../ports.js';
import { ControlLink, type ControlPacket } from '../session/control-link.js';
import { createKeyMethod } from '../session/key-exchange.js';
import type { Fifo, Transmit } from '../session/outbox.js';
import { Session, type SessionHandler } from '../session/session.js';
import { sessionTimes } from '../session/session-times.js';
import { WallClock } from '../session/wall-clock.js';
import type { KeyMethodMessage } from '../wire/key-method.js';
import { OPCODE } from '../wire/opcode.js';
import { encodeOptionsString } from '../wire/options-string.js';
import { formatPeerInfo } from '../wire/peer-info.js';
import { freshSessionId } from '../wire/session-id.js';
import { createProtection } from '../wrap/control-protection.js';
import { EARLY_NEGOTIATION_COUNTER } from '../wrap/early-negotiation.js';
import { ownLayers } from './client-layers.js';
import type { ClientOptions, ClientPorts } from './client-options.js';
import type { ClientPhase } from './client-phase.js';

/** A control session that begins with our hard reset. [wire 7] */
export const openSession = (
  options: ClientOptions,
  ports: ClientPorts,
  owner: {
    readonly commands: Fifo<DataCommand>;
    readonly transmits: Fifo<Transmit>;
    readonly handler: SessionHandler<ClientPhase>;
  },
  now: Millis,
  unixNow: UnixSeconds,
): Session<ClientPhase> => {
  const ownKey = options.wrap.type === 'tls-crypt-v2';
  const link = new ControlLink({
    path: options.remote,
    ownSessionId: freshSessionId(ports.crypto.randomBytes),
    peerSessionId: null,
    protection: createProtection(options.wrap, 'client', ports.crypto),
    clock: new WallClock(now, unixNow),
    now,
    replayWindow: options.replayWindow,
    usedReplayIds: options.wrap.type === 'tls-crypt-v2' && options.wrap.canResend ? EARLY_NEGOTIATION_COUNTER : 0,
  });
  const input = {
    role: 'client' as const,
    link,
    times: sessionTimes(options),
    maxPacketSize: options.maxPacketSize,
    openTls: () => ports.tls.open('client', ports.onTlsProgress),
    transmits: owner.transmits,
    commands: owner.commands,
    lifeShare: () => 1,
  };
  return new Session(input, owner.handler, now, ownKey ? OPCODE.hardResetClientV3 : OPCODE.hardResetClientV2);
};

/** The only packet that may tell us the server's session id. [wire 2, 7] */
export const isAnswerToReset = (packet: ControlPacket): boolean =>
  packet.opcode === OPCODE.hardResetServerV2 && packet.keyId === 0 && packet.body.acks.includes(0);

/** Our half of the key exchange. [wire 11] */
export const ownKeyMethod = (
  crypto: CryptoProvider,
  own: ClientOptions,
  credentials: ClientOptions['credentials'],
): KeyMethodMessage =>
  createKeyMethod(crypto, 'client', {
    options: optionsString(own),
    credentials: credentials === null ? { type: 'none' } : { type: 'password', ...credentials },
    peerInfo: formatPeerInfo(own.peerInfo),
  });

const optionsString = (own: ClientOptions): string => {
  const { remote, occ, dataCiphers, wrap } = own;
  return encodeOptionsString({
    role: 'client',
    stream: isStream(remote),
    ...occ,
    dataCiphers,
    wrap,
    ...ownLayers(own),
  });
};
