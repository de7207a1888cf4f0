import type { KeyExchange } from '../session/key-exchange.js';
import type { KeyMethodMessage } from '../wire/key-method.js';

/** How far the client is with one key id. [wire 11] */
export type ClientPhase =
  | { readonly type: 'await-tls' }
  | { readonly type: 'await-key-method'; readonly own: KeyMethodMessage; readonly tls: string }
  /** `exchange` is there until the keys of key id 0 have been derived. */
  | { readonly type: 'complete'; readonly exchange: KeyExchange | null; readonly tls: string };
