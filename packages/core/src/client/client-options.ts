import type { DataLimits } from '../data-limits.js';
import type { DataCipher } from '../data-plane.js';
import type { LayerPolicy } from '../framing.js';
import type { Path } from '../ids.js';
import type { PullFilter } from '../negotiate/pull-filter.js';
import type { CryptoProvider, TlsEngine } from '../ports.js';
import type { ClientWrapOptions } from '../server/server-options.js';
import type { ReplayTolerance } from '../wrap/replay-window.js';

/** What a client does and says. Seconds and bytes as in the directives of the same names. */
export interface ClientOptions {
  readonly remote: Path;
  readonly wrap: ClientWrapOptions;
  /** In the order of preference; a pushed cipher must be one of them. */
  readonly dataCiphers: readonly DataCipher[];
  /** Used when none is pushed; null refuses servers that push none. */
  readonly fallbackCipher: DataCipher | null;
  readonly occ: { readonly cipher: string; readonly auth: string; readonly tunMtu: number };
  /** `NAME` -> value, for example from `peerInfoOf`. [wire 14] */
  readonly peerInfo: ReadonlyMap<string, string>;
  readonly credentials: { readonly username: string; readonly password: string } | null;
  /** Our own framing and fragments; the server may push another framing. */
  readonly layers?: LayerPolicy;
  readonly pullFilters: readonly PullFilter[];
  /** Seconds, where the server pushes none; 0 = never. */
  readonly pingInterval: number;
  readonly pingTimeout: number;
  /** `pingTimeout` is that of `ping-exit`. Absent: of `ping-restart`. */
  readonly pingExits?: boolean;
  /** Where the server pushes no `inactive`; absent: no limits. */
  readonly dataLimits?: DataLimits;
  /** Seconds that a connection may last, where the server pushes none; absent or 0 for any time. */
  readonly sessionTimeout?: number;
  /** How far packets may come out of order; absent: the defaults. [wire 6, 12.4] */
  readonly replayWindow?: ReplayTolerance;
  /** Tell a server of before `cc-exit` in the data channel that we leave. [wire 13] */
  readonly exitNotify: boolean;
  /** Ask for the options at once instead of after a second, as newer clients do. [wire 15] */
  readonly promptPushRequest: boolean;
  /** Longest wait for the first answer; from then on it is `handWindow`. */
  readonly connectTimeout: number;
  readonly handWindow: number;
  readonly tranWindow: number;
  readonly renegSec: number;
  readonly tlsTimeout: number;
  readonly maxPacketSize: number;
}

export interface ClientPorts {
  readonly crypto: CryptoProvider;
  readonly tls: TlsEngine;
  /** An asynchronous engine has news: call `handleTls` soon. Never called from inside a call of the client. */
  readonly onTlsProgress: () => void;
}
