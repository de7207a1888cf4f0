import type { ClientOptions } from '@shardvpn/core';
import type { TlsOptions } from '@shardvpn/worker';

/** `workerData` of a load thread. */
export interface ThreadStart {
  /** Of every client; `remote` is completed with the number of the client's socket. */
  readonly client: ClientOptions;
  readonly tls: TlsOptions;
  readonly clients: number;
  readonly pace: Pace;
}

/** How fast clients start: so many a second, or so many handshakes at a time. */
export type Pace =
  | { readonly type: 'rate'; readonly perSecond: number }
  | { readonly type: 'width'; readonly handshakes: number };

export type ToThread =
  | { readonly type: 'start' }
  /** Say goodbye for every client and end. */
  | { readonly type: 'leave' };

export interface ConnectedClient {
  /** Number of the native load thread. */
  readonly load: number;
  readonly peerId: number;
  /** Inner address; null without one. */
  readonly ipv4: string | null;
  /** From the first packet to the installed keys. */
  readonly milliseconds: number;
  /** When, in milliseconds since 1970: the threads' own clocks begin at different times. */
  readonly at: number;
}

export type FromThread =
  /** The sockets are open. */
  | { readonly type: 'ready' }
  /** What has happened since the last one, a few times a second. */
  | {
      readonly type: 'news';
      readonly started: number;
      readonly connected: readonly ConnectedClient[];
      /** Clients that never connected, by reason. */
      readonly failed: readonly string[];
      /** Clients that were connected, by reason. */
      readonly lost: readonly string[];
    }
  | { readonly type: 'left' };
