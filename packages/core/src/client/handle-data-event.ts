import type { DataEvent } from '../data-plane.js';
import type { KeyId } from '../ids.js';
import type { ClientEndReason } from './client-event.js';
import type { ClientOptions } from './client-options.js';
import type { ClientStage } from './client-stage.js';

/** What an event of the data thread means for a connection. */
export type DataVerdict =
  | { readonly type: 'end'; readonly reason: ClientEndReason; readonly detail: string }
  | { readonly type: 'leave'; readonly reason: ClientEndReason; readonly detail: string }
  | { readonly type: 'renegotiate' };

/** null for what does not matter: most events are about clients. */
export const judgeDataEvent = (
  event: DataEvent,
  keyId: KeyId,
  { pingExits = false }: ClientOptions,
  stage: ClientStage,
): DataVerdict | null => {
  switch (event.type) {
    case 'silent': {
      const exits = (stage.type === 'connected' ? stage.options.silence?.exits : undefined) ?? pingExits;
      return { type: 'end', reason: exits ? 'ping-exit' : 'ping-restart', detail: 'the server is silent' };
    }
    case 'closed':
      return {
        type: 'end',
        reason: 'connection-closed',
        detail: 'the server, or something on the way, has closed the connection',
      };
    case 'reset':
      return { type: 'end', reason: 'restart', detail: 'the data thread has started anew' };
    // A server that has lost what it knew has no other word left. [wire 13]
    case 'exit':
      return { type: 'end', reason: 'restart', detail: 'the server said goodbye in the data channel' };
    case 'inactive':
      return { type: 'leave', reason: 'inactive', detail: 'less traffic than inactive asks for' };
    case 'key-limit':
      return event.keyId === keyId ? { type: 'renegotiate' } : null;
    default:
      return null;
  }
};
