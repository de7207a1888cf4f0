import type { PacketFormat } from '../data-plane.js';

/** What a client can do, from its peer info. [wire 14] */
export interface ClientFeatures {
  /** Opcode 9 and a pushed `peer-id`. */
  readonly dataV2: boolean;
  /** Wants PUSH_REPLY without asking. */
  readonly requestPush: boolean;
  /** How the data keys are derived, and by which option the client is told. [wire 14.1] */
  readonly keyDerivation: 'prf' | 'ekm-by-protocol-flags' | 'ekm-by-key-derivation';
  readonly exitNotify: boolean;
  readonly dynamicTlsCrypt: boolean;
  /** Epoch format of the data channel, with whatever it needs. [wire 12.2] */
  readonly dataEpoch: boolean;
  /** Understands `AUTH_FAILED,TEMP`. */
  readonly temporaryAuthFailure: boolean;
  /** `AUTH_PENDING` may say how long. */
  readonly pendingTimeout: boolean;
  /** How its user can be asked for something while it waits. */
  readonly pendingMethods: ReadonlySet<PendingMethod>;
  /** Takes new options while it is connected. */
  readonly pushUpdate: boolean;
  /** Largest `tun-mtu` it takes by push; null when it takes none. */
  readonly maxTunMtu: number | null;
  /** Runs without pull: it will ignore everything that is pushed. */
  readonly ignoresPush: boolean;
}

/** Bits of IV_PROTO, as values. [wire 14] */
export const IV_PROTO = {
  dataV2: 2,
  requestPush: 4,
  tlsKeyExport: 8,
  authPendingKeyword: 16,
  ncpPeerToPeer: 32,
  dnsOption: 64,
  exitNotify: 128,
  authFailTemporary: 256,
  dynamicTlsCrypt: 512,
  dataEpoch: 1024,
  dnsOptionV2: 2048,
  pushUpdate: 4096,
} as const;

export const clientFeatures = (peerInfo: ReadonlyMap<string, string>): ClientFeatures => {
  const bits = parseNumber(peerInfo.get('IV_PROTO')) ?? 0;
  const has = (bit: number): boolean => Math.floor(bits / bit) % 2 === 1;
  const flags = has(IV_PROTO.exitNotify);
  const ekm = flags ? 'ekm-by-protocol-flags' : 'ekm-by-key-derivation';
  return {
    dataV2: has(IV_PROTO.dataV2),
    requestPush: has(IV_PROTO.requestPush),
    keyDerivation: has(IV_PROTO.tlsKeyExport) ? ekm : 'prf',
    exitNotify: flags,
    dynamicTlsCrypt: flags && has(IV_PROTO.dynamicTlsCrypt),
    dataEpoch: flags && has(IV_PROTO.dataEpoch) && has(IV_PROTO.tlsKeyExport) && has(IV_PROTO.dataV2),
    temporaryAuthFailure: has(IV_PROTO.authFailTemporary),
    pendingTimeout: has(IV_PROTO.authPendingKeyword),
    pendingMethods: pendingMethodsOf(peerInfo),
    pushUpdate: has(IV_PROTO.pushUpdate),
    maxTunMtu: parseNumber(peerInfo.get('IV_MTU')),
    ignoresPush: has(IV_PROTO.ncpPeerToPeer),
  };
};

/** Whether two clients are told the same, and make the same keys of it: what one was pushed holds for the other. */
export const sameForPush = (a: ClientFeatures, b: ClientFeatures): boolean =>
  TOLD_BY_PUSH.every((feature) => a[feature] === b[feature]);

const TOLD_BY_PUSH = [
  'dataV2',
  'requestPush',
  'keyDerivation',
  'exitNotify',
  'dynamicTlsCrypt',
  'dataEpoch',
  'maxTunMtu',
  'ignoresPush',
] as const;

/** From IV_SSO: how the user can be shown or asked something before the connection is there. [wire 14, 15] */
export type PendingMethod = 'web-auth' | 'open-url' | 'text';

export const pendingMethodsOf = (peerInfo: ReadonlyMap<string, string>): ReadonlySet<PendingMethod> => {
  const words = (peerInfo.get('IV_SSO') ?? '').split(',').map((word) => word.trim());
  const known: readonly [string, PendingMethod][] = [
    ['webauth', 'web-auth'],
    ['openurl', 'open-url'],
    ['crtext', 'text'],
  ];
  return new Set(known.filter(([word]) => words.includes(word)).map(([, method]) => method));
};

/** The one option that tells the client about its features; null when there is nothing to tell. [wire 14.1] */
export const featureOption = (features: ClientFeatures, format: PacketFormat): string | null => {
  if (features.keyDerivation === 'ekm-by-key-derivation') {
    return 'key-derivation tls-ekm';
  }
  const flags = [
    features.exitNotify ? 'cc-exit' : null,
    features.keyDerivation === 'ekm-by-protocol-flags' ? 'tls-ekm' : null,
    features.dynamicTlsCrypt ? 'dyn-tls-crypt' : null,
    format === 'epoch' ? 'aead-epoch' : null,
  ].filter((flag) => flag !== null);
  return flags.length === 0 ? null : `protocol-flags ${flags.join(' ')}`;
};

const parseNumber = (text: string | undefined): number | null =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : null;
