import type { Millis, PeerId } from '../ids.js';
import type { PushedOptions } from '../negotiate/pushed-options.js';
import type { AuthRefusal } from '../server/auth-decision.js';
import { type Deadline, deadline } from '../session/deadline.js';
import type { ConnectChoice } from './handle-push.js';

/** Where a client is between its first packet and its last. */
export type ClientStage =
  /** Resets, TLS and key method of key id 0. */
  | { readonly type: 'handshaking' }
  /** `requestAt`: when to ask (again) for the options; null until everything sent is acked. */
  | { readonly type: 'await-push'; readonly requestAt: Millis | null }
  | {
      readonly type: 'connected';
      readonly peerId: PeerId;
      readonly choice: ConnectChoice;
      readonly options: PushedOptions;
      /** When `session-timeout` ends it. */
      readonly endAt: Millis | null;
    }
  /** Over; waits for the last acks. */
  | { readonly type: 'closing'; readonly until: Millis }
  | { readonly type: 'ended' };

export const isOver = (stage: ClientStage): boolean => stage.type === 'closing' || stage.type === 'ended';

/** What the stage itself waits for. */
export const stageDeadlines = (stage: ClientStage, handshakeEnd: Millis): readonly (Deadline | undefined)[] => {
  switch (stage.type) {
    case 'ended':
      return [];
    case 'connected':
      return [deadline(stage.endAt, 'session-timeout')];
    case 'closing':
      return [deadline(stage.until, 'end of a closed connection')];
    case 'await-push':
      return [deadline(handshakeEnd, 'hand-window'), deadline(stage.requestAt, 'ask for options')];
    case 'handshaking':
      return [deadline(handshakeEnd, 'hand-window')];
  }
};

/** What an end may bring with it. */
export interface Ending {
  /** For last acks. */
  readonly linger?: Millis;
  readonly nextServer?: boolean;
  readonly refusal?: AuthRefusal;
}
