import type { DataLimits } from '../data-limits.js';
import type { DataCipher } from '../data-plane.js';
import type { LayerPolicy } from '../framing.js';
import type { ReplayTolerance } from '../wrap/replay-window.js';
import type { ClientWrapOptions, WrapOptions } from '../wrap/wrap-options.js';

export type { ClientWrapOptions, WrapOptions };

/** How clients with keys of their own are taken. [wire 7.1, 8] */
export interface TlsCryptV2Options {
  /** 128 bytes. */
  readonly serverKey: Uint8Array;
  /** Refuse clients that cannot prove their address before anything is kept about them. */
  readonly forceCookie: boolean;
  /** Days; null takes keys of any age. */
  readonly maxAge: number | null;
  /** Ask about each key before anything else is done for its client. Absent: no. */
  readonly verify?: boolean;
}

/** What a running server takes over for the sessions from then on. */
export type LiveOptions = Pick<
  ServerOptions,
  | 'dataCiphers'
  | 'fallbackCipher'
  | 'occ'
  | 'clientCertificate'
  | 'push'
  | 'pingInterval'
  | 'pingTimeout'
  | 'handWindow'
  | 'tranWindow'
  | 'renegSec'
  | 'connectFreqInitial'
  | 'connectFreq'
  | 'tlsTimeout'
  | 'maxPacketSize'
  | 'replayWindow'
  | 'sessionTimeout'
  | 'dataLimits'
  | 'explicitExitNotify'
  | 'maxSessions'
  | 'tlsCryptV2'
  | 'layers'
>;

/** Everything one shard's protocol needs to know. Plain data: it crosses threads by structured clone. */
export interface ServerOptions {
  readonly shard: number;
  readonly shards: number;
  readonly wrap: WrapOptions;
  /** Beside `wrap`; where that is `none`, nobody else is taken. */
  readonly tlsCryptV2?: TlsCryptV2Options | null;
  /** 32 bytes, the same on every shard: any of them can check any cookie. [wire 7] */
  readonly cookieKey: Uint8Array;
  /** In the order of preference. */
  readonly dataCiphers: readonly DataCipher[];
  /** For clients that announce nothing at all; null refuses them. */
  readonly fallbackCipher: DataCipher | null;
  /** The `cipher` and `auth` directives and the rest of the options string. [wire 18] */
  readonly occ: {
    readonly cipher: string;
    readonly auth: string;
    readonly tunMtu: number;
  };
  /** Whether a client may come without a certificate. The TLS engine enforces `require` as well. */
  readonly clientCertificate: 'require' | 'optional' | 'none';
  /** Whether the world is asked about each login; absent: it is. Without, TLS lets a client in, or who deals the leases refuses it. */
  readonly asksAboutLogins?: boolean;
  /** Global push options, in order, without the per-client ones (`ifconfig`, `peer-id`, `cipher`, ...). */
  readonly push: readonly string[];
  /** Compression framing and fragments. */
  readonly layers?: LayerPolicy;
  /** Pushed as `tun-mtu` to clients with IV_MTU. */
  readonly tunMtu: number;
  /** Seconds; 0 switches off. The pushed values are in `push`. */
  readonly pingInterval: number;
  readonly pingTimeout: number;
  /** Seconds. */
  readonly handWindow: number;
  readonly tranWindow: number;
  readonly renegSec: number;
  readonly tlsTimeout: number;
  /** Replies to unknown clients: at most `count` per `seconds`, for this shard. [wire 7] */
  readonly connectFreqInitial: { readonly count: number; readonly seconds: number };
  /** New sessions, behind the cookie: at most `count` per `seconds`, for this shard; absent or null for any number. [wire 7] */
  readonly connectFreq?: { readonly count: number; readonly seconds: number } | null;
  /** How far control packets may come out of order; absent: OpenVPN's default. [wire 6] */
  readonly replayWindow?: ReplayTolerance;
  /** Absent: none. */
  readonly dataLimits?: DataLimits;
  /** Seconds that a client may be connected; absent or 0 for any time. */
  readonly sessionTimeout?: number;
  /** 0 none, 1 RESTART, 2 RESTART,[N] at shutdown. [wire 15] */
  readonly explicitExitNotify: 0 | 1 | 2;
  /** Largest control packet on the wire with IP and UDP headers. [wire 10] */
  readonly maxPacketSize: number;
  /** Sessions (handshakes included) this shard holds at most. */
  readonly maxSessions: number;
}
