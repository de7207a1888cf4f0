import type {
  AuthDecision,
  ClientIdentity,
  DropReason,
  EndReason,
  KeyQuestion,
  KeyVerdict,
  Lease,
  LeaseDecision,
  LiveOptions,
  Notice,
  Path,
  PeerId,
  PushUpdate,
  ServerOptions,
} from '@shardvpn/core';
import type { WorkerFault } from './commit-fault.js';

/** What the name in the server's certificate has to be, as in `verify-x509-name`. */
export interface VerifyName {
  /** The whole subject, the common name, or the start of the common name. */
  readonly type: 'subject' | 'name' | 'name-prefix';
  readonly value: string;
}

/** TLS settings of a shard, as texts and flags ready for the engine. PEM texts, never file names. */
export interface TlsOptions {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly crl: string | null;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion: 'TLSv1.2' | 'TLSv1.3' | null;
  /** OpenSSL names; null leaves the default. */
  readonly cipherList: string | null;
  readonly cipherSuites: string | null;
  readonly groups: string | null;
  /** Those of the configured groups that rustls may have; absent: `groups`. */
  readonly rustlsGroups?: string | null;
  /** Which engine does a server's handshakes. Absent: openssl. */
  readonly engine?: 'auto' | 'rustls' | 'openssl';
  /** What the peer's certificate must be usable for; null does not look. */
  readonly remoteCertTls: 'client' | 'server' | null;
  readonly clientCertificate: 'require' | 'optional' | 'none';
  /** Absent or null: any name will do. */
  readonly verifyName?: VerifyName | null;
}

/** `workerData` of a shard. The rings are the ones of docs/internal/rings/design.md. */
export interface ShardStart {
  readonly server: ServerOptions;
  readonly tls: TlsOptions;
  /** Get everything ready, say so, and wait for `begin`. */
  readonly waits?: boolean;
  /** Native data plane that the supervisor has started. */
  readonly plane: number;
  readonly toData: SharedArrayBuffer;
  readonly toWorker: SharedArrayBuffer;
  /** Int32: the worker counts up once a second, the supervisor watches. */
  readonly heartbeat: SharedArrayBuffer;
  /** Of `SUSPECTS_BYTES`, for `Suspects`. */
  readonly suspects: SharedArrayBuffer;
  /** Obey `fault`; absent but in tests. */
  readonly faults?: boolean;
}

/** Supervisor to shard. `request` is the number of the question it answers. */
export type ToShard =
  | { readonly type: 'auth-decision'; readonly request: number; readonly decision: AuthDecision }
  | { readonly type: 'lease-decision'; readonly request: number; readonly decision: LeaseDecision }
  /** What becomes of everybody who waits for it; an answer to a question of an earlier worker is ignored. */
  | { readonly type: 'key-verdict'; readonly key: string; readonly verdict: KeyVerdict }
  | {
      readonly type: 'disconnect';
      readonly peerId: PeerId;
      readonly reason: EndReason;
      readonly detail: string;
      /** What the client is told; absent: what the reason says. */
      readonly notice?: Notice | null;
    }
  /** New options for a connected client; answered with `push-updated`. */
  | { readonly type: 'push-update'; readonly request: number; readonly peerId: PeerId; readonly update: PushUpdate }
  /** A line that a connected client shows. */
  | { readonly type: 'info'; readonly peerId: PeerId; readonly text: string }
  | { readonly type: 'set-crl'; readonly crl: string }
  | { readonly type: 'drops'; readonly request: number }
  /** For the sessions from now on, all of it or nothing; `tls` null leaves certificates and lists as they are. */
  | {
      readonly type: 'reconfigure';
      readonly request: number;
      readonly server: LiveOptions;
      readonly tls: TlsOptions | null;
    }
  /** Tell its clients to connect elsewhere, and take nobody there any more: the listener is about to be closed. */
  | { readonly type: 'leave-listener'; readonly listener: number }
  /** The sessions are there: a shard that was told to wait begins. */
  | { readonly type: 'begin' }
  /** Do nothing any more and answer `released`: another process takes over. */
  | { readonly type: 'release' }
  /** Tell the clients (explicit-exit-notify) and answer `drained` when every notice has been handed over. */
  | { readonly type: 'shutdown' }
  /** Die in this way; only workers that were started for it obey. */
  | { readonly type: 'fault'; readonly fault: WorkerFault };

/** A client's identity as structured clone carries it (the Map of peer info included). */
export type IdentityMessage = ClientIdentity;

/** Shard to supervisor. */
export type FromShard =
  | { readonly type: 'ready' }
  /** These clients of earlier workers are here, all others of this shard are gone. Precedes everything about new clients. */
  | { readonly type: 'taken-over'; readonly peerIds: readonly PeerId[] }
  | {
      readonly type: 'authenticate';
      readonly request: number;
      readonly identity: IdentityMessage;
      readonly password: string | null;
      readonly renegotiation: boolean;
    }
  /** A client's own key, which is not let in before it has been looked at. */
  | ({ readonly type: 'verify-key' } & KeyQuestion)
  /** The user's answer to a `pending` decision, in base64. */
  | { readonly type: 'challenge-response'; readonly request: number; readonly response: string }
  /** The answer to this `authenticate` is not needed any more. */
  | { readonly type: 'auth-withdrawn'; readonly request: number }
  | { readonly type: 'lease'; readonly request: number; readonly identity: IdentityMessage; readonly peerId: PeerId }
  | {
      /** `restored`: it was connected to the shard's worker before this one. */
      readonly type: 'connected' | 'restored';
      readonly peerId: PeerId;
      /** What it has; absent: what it was granted. */
      readonly lease?: Lease;
      readonly cipher: string;
      readonly tls: string;
      readonly keyDerivation: 'tls-ekm' | 'prf';
      readonly since: number;
    }
  | { readonly type: 'floated'; readonly peerId: PeerId; readonly path: Path }
  | { readonly type: 'float-conflict'; readonly peerId: PeerId; readonly holder: PeerId; readonly path: Path }
  | { readonly type: 'renegotiated'; readonly peerId: PeerId; readonly tls: string }
  | { readonly type: 'disconnected'; readonly peerId: PeerId; readonly reason: EndReason; readonly detail: string }
  | {
      readonly type: 'refused';
      readonly path: Path;
      readonly reason: EndReason;
      readonly detail: string;
      readonly hint: string;
    }
  | {
      readonly type: 'turned-away';
      readonly path: Path;
      readonly reason: DropReason;
      readonly detail: string;
      readonly hint: string;
    }
  | { readonly type: 'mismatched'; readonly path: Path; readonly detail: string; readonly hint: string }
  /** Answer to `drops`: control packets dropped by reason since the worker started. */
  | {
      readonly type: 'drops';
      readonly request: number;
      readonly drops: Readonly<Record<string, number>>;
      readonly handshakes: number;
    }
  /** Answer to `reconfigure`: why nothing has changed, null when everything has. */
  | { readonly type: 'reconfigured'; readonly request: number; readonly problem: string | null }
  /** Answer to `push-update`: why the client has not been told, null when it has. */
  | { readonly type: 'push-updated'; readonly request: number; readonly problem: string | null }
  | { readonly type: 'released' }
  | { readonly type: 'drained' };
