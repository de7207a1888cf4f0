import type { DataCipher } from '../data-plane.js';
import type { DropReason } from '../drop-reason.js';
import type { Path, PeerId, UnixSeconds } from '../ids.js';
import type { PeerCertificate } from '../ports.js';
import type { KeyQuestion } from './key-verdicts.js';

/** What a client showed, for whoever decides about it. */
export interface ClientIdentity {
  /** Common name of the certificate, or the username where there is none; '' when neither. */
  readonly commonName: string;
  /** null when the client sent none. */
  readonly username: string | null;
  readonly certificate: PeerCertificate | null;
  readonly path: Path;
  /** `NAME` -> value of the client's peer info, IV_* and UV_*. [wire 14] */
  readonly peerInfo: ReadonlyMap<string, string>;
}

/** Address lease of a client; `netmask` and `bits` as they are pushed. */
export interface Lease {
  readonly ipv4: { readonly address: string; readonly netmask: string } | null;
  readonly ipv6: { readonly address: string; readonly bits: number; readonly gateway: string } | null;
  /** Further push options for this client only. */
  readonly push: readonly string[];
}

export type LeaseDecision =
  | { readonly type: 'lease'; readonly lease: Lease }
  /** `final`: the client need not come again; absent: it may. */
  | { readonly type: 'refuse'; readonly reason: string; readonly final?: boolean };

export interface ConnectedClient {
  readonly peerId: PeerId;
  readonly identity: ClientIdentity;
  readonly lease: Lease;
  readonly cipher: DataCipher;
  readonly tls: string;
  readonly keyDerivation: 'tls-ekm' | 'prf';
  readonly since: UnixSeconds;
}

/** Why a session ended, for logs, status and metrics. */
export type EndReason =
  | 'exit-notify'
  | 'ping-restart'
  | 'inactive'
  | 'session-timeout'
  | 'replaced'
  | 'kicked'
  | 'restarted'
  | 'listener-closed'
  | 'data-reset'
  | 'shutdown'
  | 'auth-failed'
  | 'renegotiation-failed'
  | 'handshake-timeout'
  | 'tls-failed'
  | 'protocol-error'
  /** Over TCP, by the client or by the network. */
  | 'connection-closed'
  /** A new worker could not take it over. */
  | 'state-lost';

/**
 * What the world should know or decide, polled with `pollEvent`.
 * `request` numbers are answered once, in any order, with `handleAuthDecision` and `handleLeaseDecision`;
 * an answer to a session that is gone is ignored.
 */
export type ServerEvent =
  /** `renegotiation`: the identity is already locked and has been compared. Asked for every key id, unless `asksAboutLogins` is false. [wire 11] */
  | {
      readonly type: 'authenticate';
      readonly request: number;
      readonly identity: ClientIdentity;
      readonly password: string | null;
      readonly renegotiation: boolean;
    }
  /** What a client answers to a `pending` text, in base64 as it came; `request` is still to be decided. [wire 15] */
  | { readonly type: 'challenge-response'; readonly request: number; readonly response: string }
  /** Nobody needs the answer to this `authenticate` any more. */
  | { readonly type: 'auth-withdrawn'; readonly request: number }
  /** Answered once with `handleKeyVerdict`; several clients may wait for it. */
  | ({ readonly type: 'verify-key' } & KeyQuestion)
  /** A packet of an unknown client was dropped for a reason that somebody can mend; told now and then, not for every packet. */
  | {
      readonly type: 'turned-away';
      readonly path: Path;
      readonly reason: DropReason;
      readonly detail: string;
      readonly hint: string;
    }
  /** A client connects, and what it has said about its settings tells that nothing will pass. */
  | { readonly type: 'mismatched'; readonly path: Path; readonly detail: string; readonly hint: string }
  | { readonly type: 'lease'; readonly request: number; readonly identity: ClientIdentity; readonly peerId: PeerId }
  | { readonly type: 'connected'; readonly client: ConnectedClient }
  /** A client that was connected to another server before, see `Server.restore`. */
  | { readonly type: 'restored'; readonly client: ConnectedClient }
  | { readonly type: 'floated'; readonly peerId: PeerId; readonly path: Path }
  | { readonly type: 'float-conflict'; readonly peerId: PeerId; readonly holder: PeerId; readonly path: Path }
  | { readonly type: 'renegotiated'; readonly peerId: PeerId; readonly tls: string }
  /** A client that had a lease is gone: give the lease back. Sent once per granted lease. */
  | { readonly type: 'disconnected'; readonly peerId: PeerId; readonly reason: EndReason; readonly detail: string }
  /** A session that never got that far failed; `hint` says what to change, '' when there is nothing to say. */
  | {
      readonly type: 'refused';
      readonly path: Path;
      readonly reason: EndReason;
      readonly detail: string;
      readonly hint: string;
    };
