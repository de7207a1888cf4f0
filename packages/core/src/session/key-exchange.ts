import type { DataSuite } from '../data-plane.js';
import { cutDataKeys, type DataKeys } from '../keys/data-keys.js';
import { deriveByExporter, deriveByPrf } from '../keys/derive.js';
import type { CryptoProvider } from '../ports.js';
import type { Role } from '../role.js';
import { type Credentials, type KeyMethodMessage, PRE_MASTER_LENGTH, RANDOM_LENGTH } from '../wire/key-method.js';
import type { ControlLink } from './control-link.js';
import type { KeyChannel } from './key-channel.js';

/** Both key-method messages of one key id. */
export interface KeyExchange {
  readonly client: KeyMethodMessage;
  readonly server: KeyMethodMessage;
}

export type KeyDerivation = 'tls-ekm' | 'prf';

/** Our own message, with fresh randoms. */
export const createKeyMethod = (
  crypto: CryptoProvider,
  sender: Role,
  texts: { readonly options: string; readonly credentials: Credentials; readonly peerInfo: string },
): KeyMethodMessage => ({
  ...texts,
  preMaster: sender === 'client' ? crypto.randomBytes(PRE_MASTER_LENGTH) : null,
  random1: crypto.randomBytes(RANDOM_LENGTH),
  random2: crypto.randomBytes(RANDOM_LENGTH),
});

/** A received message that outlives the record it was decoded from. */
export const keepKeyMethod = (message: KeyMethodMessage): KeyMethodMessage => ({
  ...message,
  preMaster: message.preMaster?.slice() ?? null,
  random1: message.random1.slice(),
  random2: message.random2.slice(),
});

/** The data keys of one key id, or null when they must not be used. [wire 11] */
export const deriveDataKeys = (
  crypto: CryptoProvider,
  role: Role,
  link: ControlLink,
  channel: KeyChannel,
  exchange: KeyExchange,
  choice: { readonly derivation: KeyDerivation; readonly suite: DataSuite },
): DataKeys | null => {
  const material =
    choice.derivation === 'tls-ekm'
      ? deriveByExporter(channel.exporter())
      : deriveFromRandoms(crypto, role, link, exchange);
  return material === null ? null : cutDataKeys(material, choice.suite, role);
};

const deriveFromRandoms = (
  crypto: CryptoProvider,
  role: Role,
  link: ControlLink,
  exchange: KeyExchange,
): Uint8Array | null => {
  const { client, server } = exchange;
  const peer = link.peerSessionId;
  if (client.preMaster === null || peer === null) {
    return null;
  }
  const [clientId, serverId] = role === 'client' ? [link.ownSessionId, peer] : [peer, link.ownSessionId];
  return deriveByPrf(crypto, {
    preMaster: client.preMaster,
    client: { random1: client.random1, random2: client.random2, sessionId: clientId },
    server: { random1: server.random1, random2: server.random2, sessionId: serverId },
  });
};
