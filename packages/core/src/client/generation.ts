import type { DataCipher } from '../data-plane.js';
import { IV_PROTO } from '../negotiate/features.js';

/** Generations of clients, by what they announce. `silent` announces nothing at all. [wire 14] */
export type Generation = '2.7' | '2.6' | '2.5' | '2.4' | 'silent';

/** Peer info as a client of this generation sends it. */
export const peerInfoOf = (generation: Generation, ciphers: readonly DataCipher[]): ReadonlyMap<string, string> => {
  switch (generation) {
    case '2.7':
      return new Map([...peerInfoOf('2.6', ciphers), ['IV_VER', '2.7.0'], ['IV_PROTO', String(PROTO_2_7)]]);
    case '2.6':
      return new Map([
        ['IV_VER', '2.6.14'],
        ['IV_PLAT', 'linux'],
        ['IV_TCPNL', '1'],
        ['IV_MTU', '1600'],
        ['IV_NCP', '2'],
        ['IV_CIPHERS', ciphers.join(':')],
        ['IV_PROTO', String(PROTO_2_6)],
      ]);
    case '2.5':
      return new Map([
        ['IV_VER', '2.5.9'],
        ['IV_PLAT', 'linux'],
        ['IV_PROTO', String(IV_PROTO.dataV2 + IV_PROTO.requestPush)],
        ['IV_NCP', '2'],
        ['IV_CIPHERS', ciphers.join(':')],
        ['IV_TCPNL', '1'],
      ]);
    case '2.4':
      return new Map([
        ['IV_VER', '2.4.12'],
        ['IV_PLAT', 'linux'],
        ['IV_PROTO', String(IV_PROTO.dataV2)],
        ['IV_NCP', '2'],
        ['IV_TCPNL', '1'],
      ]);
    case 'silent':
      return new Map();
  }
};

/** 990 is what 2.6.1 to 2.6.14 send. [wire 14] */
const PROTO_2_6 =
  IV_PROTO.dataV2 +
  IV_PROTO.requestPush +
  IV_PROTO.tlsKeyExport +
  IV_PROTO.authPendingKeyword +
  IV_PROTO.dnsOption +
  IV_PROTO.exitNotify +
  IV_PROTO.authFailTemporary +
  IV_PROTO.dynamicTlsCrypt;
/** Of what 2.7 adds, that which our client does. */
const PROTO_2_7 = PROTO_2_6 + IV_PROTO.dataEpoch + IV_PROTO.pushUpdate;
