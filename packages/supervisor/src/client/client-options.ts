import { type ClientOptions, peerInfoOf, STREAM_BIT } from '@shardvpn/core';
import { VERSION } from '../version.js';
import { type Credentials, writtenCredentials } from './login.js';
import type { ClientProfile } from './profile.js';

/** Numeric address and port of a server. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  /** Absent: UDP. */
  readonly transport?: 'tcp';
}

/** With what the server is shown beside the certificate; where it is absent, what the profile says by itself. */
export type IdentifiedProfile = ClientProfile & { readonly credentials?: Credentials | null };

/** What a profile means for one connection to one of its servers. */
export const clientOptions = (profile: IdentifiedProfile, server: ServerAddress): ClientOptions => ({
  remote: { listener: server.transport === 'tcp' ? STREAM_BIT : 0, host: server.host, port: server.port },
  wrap: profile.wrap,
  dataCiphers: profile.dataCiphers,
  fallbackCipher: profile.fallbackCipher,
  occ: { cipher: profile.cipher, auth: profile.auth, tunMtu: profile.tunMtu },
  peerInfo: new Map([
    ...peerInfoOf('2.7', profile.dataCiphers),
    // The log shows pages to open and asks questions.
    ['IV_SSO', 'webauth,openurl,crtext'],
    ['IV_MTU', String(profile.tunMtuMax)],
    ...framingInfo(profile.layers),
    ['IV_GUI_VER', `ShardVPN_${VERSION}`],
  ]),
  layers: profile.layers,
  credentials: profile.credentials ?? writtenCredentials(profile.login),
  pullFilters: profile.pullFilters,
  pingInterval: profile.pingInterval,
  pingTimeout: profile.pingTimeout,
  pingExits: profile.pingExits,
  dataLimits: profile.dataLimits,
  sessionTimeout: profile.sessionTimeout,
  ...(profile.replayWindow && { replayWindow: profile.replayWindow }),
  exitNotify: profile.exitNotify,
  promptPushRequest: true,
  connectTimeout: profile.connectTimeout,
  handWindow: profile.handWindow,
  tranWindow: profile.tranWindow,
  renegSec: profile.renegSec,
  tlsTimeout: profile.tlsTimeout,
  maxPacketSize: profile.maxPacketSize,
});

/** The framings that a server may push. [wire 14] */
const framingInfo = ({ allow }: ClientProfile['layers']): readonly [string, string][] => {
  const stubs = ['IV_LZO_STUB', 'IV_COMP_STUB', 'IV_COMP_STUBv2'];
  const names = allow === 'no' ? stubs : ['IV_LZO', 'IV_LZ4', 'IV_LZ4v2', ...stubs];
  return names.map((name) => [name, '1']);
};
