import type { DataCipher } from '../data-plane.js';
import type { PeerId } from '../ids.js';
import type { PushedOptions } from '../negotiate/pushed-options.js';
import type { AuthRefusal, PendingPrompt } from '../server/auth-decision.js';
import type { KeyDerivation } from '../session/key-exchange.js';

/** Why a client's connection ended. */
export type ClientEndReason =
  | 'exit'
  | 'server-exit'
  | 'auth-failed'
  | 'restart'
  | 'halt'
  | 'ping-restart'
  | 'ping-exit'
  | 'inactive'
  | 'session-timeout'
  /** Over TCP. */
  | 'connection-closed'
  | 'handshake-timeout'
  | 'tls-failed'
  | 'protocol-error'
  | 'renegotiation-failed'
  /** An update asks for what only a new connection can bring. */
  | 'update-refused';

/** What the world should know, polled with `pollEvent`. */
export type ClientEvent =
  | {
      readonly type: 'connected';
      /** Number in the commands: as pushed, or 0 with DATA_V1. */
      readonly peerId: PeerId;
      readonly cipher: DataCipher;
      readonly keyDerivation: KeyDerivation;
      readonly tls: string;
      readonly options: PushedOptions;
    }
  | { readonly type: 'renegotiated'; readonly tls: string }
  | { readonly type: 'info'; readonly text: string }
  /** Authentication takes longer; so many seconds when the server says so. */
  | { readonly type: 'auth-pending'; readonly timeout: number | null }
  /** What the server asks the user to do meanwhile; an answer goes to `respond`. */
  | { readonly type: 'auth-prompt'; readonly prompt: PendingPrompt }
  /** Options have changed while connected: all that are in force, and what has come. [wire 15] */
  | { readonly type: 'updated'; readonly options: PushedOptions; readonly update: readonly string[] }
  /** The last event. `nextServer`: the server lets the client try another one; `refusal`: of `auth-failed`. [wire 15] */
  | {
      readonly type: 'ended';
      readonly reason: ClientEndReason;
      readonly detail: string;
      readonly nextServer: boolean;
      readonly refusal: AuthRefusal | null;
    };
