import type { Millis } from '../ids.js';
import type { Session } from '../session/session.js';
import type { ServerContext } from './server-context.js';
import type { EndReason } from './server-event.js';
import type { ServerPhase } from './server-phase.js';
import type { Stage } from './stage.js';

/** Gives back what a session holds that ends, and tells the world. `hint` is for a client that was never connected. */
export const tellEnd = (
  now: Millis,
  { outbox, peerIds }: ServerContext,
  session: Session<ServerPhase>,
  stage: Stage,
  end: { readonly reason: EndReason; readonly detail: string; readonly hint: string },
): void => {
  const { reason, detail, hint } = end;
  if (stage.type === 'connected') {
    if (session.hasDataKeys) {
      outbox.commands.push({ type: 'remove-peer', peerId: stage.peerId });
    }
    outbox.events.push({ type: 'disconnected', peerId: stage.peerId, reason, detail });
    peerIds.release(now, stage.peerId);
  } else {
    outbox.events.push({ type: 'refused', path: session.link.path, reason, detail, hint });
  }
  session.stopData();
};
