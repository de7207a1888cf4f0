import type { Millis, PeerId } from '../ids.js';
import type { PushedOptions } from '../negotiate/pushed-options.js';
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
    }
  /** Over; waits for the last acks. */
  | { readonly type: 'closing'; readonly until: Millis }
  | { readonly type: 'ended' };

export const isOver = (stage: ClientStage): boolean => stage.type === 'closing' || stage.type === 'ended';
