import type { Millis, PeerId, UnixSeconds } from '../ids.js';
import { type Deadline, deadline } from '../session/deadline.js';
import type { KeyExchange } from '../session/key-exchange.js';
import type { ClientChoice } from './client-offer.js';
import type { IdentityLock } from './identity-lock.js';
import type { ClientIdentity, EndReason, Lease } from './server-event.js';

/** What is known about a client that has sent its first key-method message. */
export interface KnownClient {
  readonly identity: ClientIdentity;
  readonly lock: IdentityLock;
  readonly choice: ClientChoice;
  readonly tls: string;
  /** Options for this client from whoever let it in; part of its lease once it is connected. */
  readonly push: readonly string[];
}

/** Where a session is between the first packet and the last. */
export type Stage =
  /** TLS, key method and authentication of key id 0. `client` from the key-method message on; `asked`: it has asked for its options. */
  | { readonly type: 'handshaking'; readonly client: KnownClient | null; readonly asked: boolean }
  /** Authenticated; the client's acks or its wish for options are missing. */
  | {
      readonly type: 'await-push-request';
      readonly client: KnownClient;
      readonly exchange: KeyExchange;
      readonly asked: boolean;
    }
  | {
      readonly type: 'await-lease';
      readonly client: KnownClient;
      readonly exchange: KeyExchange;
      readonly peerId: PeerId;
    }
  | {
      readonly type: 'connected';
      readonly client: KnownClient;
      readonly lease: Lease;
      readonly peerId: PeerId;
      /** The messages of the PUSH_REPLY, for repeated requests. */
      readonly pushed: readonly string[];
      readonly pushedAt: Millis;
      readonly since: UnixSeconds;
      /** When `session-timeout` ends it. */
      readonly endAt: Millis | null;
    }
  /** Over; waits for the last acks. `whenFlushed`: only until they are there. */
  | { readonly type: 'closing'; readonly until: Millis; readonly whenFlushed: boolean; readonly reason: EndReason }
  | { readonly type: 'gone'; readonly reason: EndReason };

export type StageOf<Type extends Stage['type']> = Extract<Stage, { type: Type }>;

export const isOver = (stage: Stage): stage is StageOf<'closing' | 'gone'> =>
  stage.type === 'closing' || stage.type === 'gone';

/** Bounded by the hand-window. */
export const isHandshaking = (stage: Stage): stage is StageOf<'handshaking' | 'await-push-request' | 'await-lease'> =>
  !isOver(stage) && stage.type !== 'connected';

/** What the stage itself waits for. `handshakeEnd`: null while something else bounds the handshake. */
export const stageDeadline = (stage: Stage, handshakeEnd: Millis | null): Deadline | undefined => {
  switch (stage.type) {
    case 'closing':
      return deadline(stage.until, 'end of a closed session');
    case 'connected':
      return deadline(stage.endAt, 'session-timeout');
    case 'gone':
      return undefined;
    default:
      return deadline(handshakeEnd, 'hand-window');
  }
};

/** Repeated PUSH_REQUESTs are not answered for so long. [wire 15] */
export const PUSH_REPEAT: Millis = 30_000;
