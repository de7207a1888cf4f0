import type { PeerCertificate, PendingMethod } from '@shardvpn/core';
import type { Password } from './password.js';

/** A client that wants to come in, or to stay: at every renegotiation it is asked for again. */
export interface AuthRequest {
  /** The client is connected; its names and certificates are those that it came with. */
  readonly renegotiation: boolean;
  /** null when the client sent none. */
  readonly username: string | null;
  readonly password: Password;
  /** As the TLS engine has verified it; null when the client has none, which `verify-client-cert` may allow. */
  readonly certificate: PeerCertificate | null;
  /** Numeric address and port that it comes from. */
  readonly address: { readonly host: string; readonly port: number };
  /** IV_* and UV_* of the client. */
  readonly peerInfo: ReadonlyMap<string, string>;
  /** What its user can be asked to do while it waits; a `pending` answer with anything else is a refusal. */
  readonly pendingMethods: ReadonlySet<PendingMethod>;
  /** Aborted when nobody needs the answer any more: the client has left, or it took too long. */
  readonly signal: AbortSignal;
}

/** A page or a question for the user of a client that waits. */
export type AuthPrompt =
  /** `flags`: hidden, external, proxy=...; clients without this form get `open-url`. */
  | { readonly type: 'web-auth'; readonly url: string; readonly flags?: readonly string[] }
  | { readonly type: 'open-url'; readonly url: string }
  /** `response`: an answer is wanted; `echo`: the user sees what is typed. */
  | { readonly type: 'text'; readonly text: string; readonly echo?: boolean; readonly response?: boolean };

/** What is to become of the client. Texts are for its user. */
export type AuthAnswer =
  /** `push`: options for this client, as in `push` lines; only when it connects. */
  | { readonly type: 'accept'; readonly push?: readonly string[] }
  | { readonly type: 'refuse'; readonly reason?: string }
  /** Its token or session is over, it has to show its real credentials. */
  | { readonly type: 'expired'; readonly reason?: string }
  /** It is to try again, after `backoff` seconds; older clients take it for a refusal. */
  | {
      readonly type: 'temporary';
      readonly reason?: string;
      readonly backoff?: number;
      /** Where: the same address, the next address of this server, the next server. */
      readonly advance?: 'no' | 'addr' | 'remote';
    }
  /** A question to be answered by a new connection, whose password is of type `dynamic-challenge`. */
  | {
      readonly type: 'challenge';
      readonly stateId: string;
      readonly text: string;
      readonly echo?: boolean;
      /** Default: true. */
      readonly response?: boolean;
    }
  /** It waits, for `timeout` seconds at most: for `decision`, or for what `onResponse` says to its user's answer. */
  | {
      readonly type: 'pending';
      readonly timeout: number;
      readonly prompt?: AuthPrompt;
      readonly decision?: Promise<AuthAnswer>;
      readonly onResponse?: (response: string) => AuthAnswer | Promise<AuthAnswer>;
    };

/** Decides about clients. What it throws is logged, and the client is told to try again. */
export type Authenticate = (request: AuthRequest) => AuthAnswer | Promise<AuthAnswer>;
