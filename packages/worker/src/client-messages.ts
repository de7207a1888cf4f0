import type { ClientEvent, ClientOptions } from '@shardvpn/core';
import type { TlsOptions } from './messages.js';

/** `workerData` of a client's thread: one connection, from its first packet to its last. */
export interface ClientStart {
  readonly client: ClientOptions;
  readonly tls: TlsOptions;
  /** Native data plane of role `client` with one shard, that the supervisor has started. */
  readonly plane: number;
  readonly toData: SharedArrayBuffer;
  readonly toWorker: SharedArrayBuffer;
}

/** Supervisor to client. */
export type ToClient =
  /** Tell the server and end. */
  | { readonly type: 'exit' }
  /** The user's answer to a question of the server, in base64. */
  | { readonly type: 'respond'; readonly answer: string };

/** Client to supervisor. */
export type FromClient =
  | { readonly type: 'event'; readonly event: ClientEvent }
  /** Nothing is left to be sent or waited for. */
  | { readonly type: 'drained' };
