import type { Millis, Path } from '../ids.js';
import type { TlsSession } from '../ports.js';
import { ControlLink } from '../session/control-link.js';
import { Session, type SessionHandler } from '../session/session.js';
import type { SessionId } from '../wire/session-id.js';
import { STATELESS_REPLAY_COUNTER } from './admission.js';
import type { ServerContext } from './server-context.js';
import type { ServerPhase } from './server-phase.js';

export interface ServerSessionInput {
  readonly path: Path;
  readonly clientId: SessionId;
  /** The cookie that the client has echoed. */
  readonly serverId: SessionId;
}

/** The control session as it is behind the stateless exchange of resets. [wire 7] */
export const openSession = (
  context: ServerContext,
  input: ServerSessionInput,
  handler: SessionHandler<ServerPhase>,
  openTls: () => TlsSession,
  now: Millis,
): Session<ServerPhase> => {
  const { clock, wrapper, times, options, outbox, lifeShare } = context;
  const link = new ControlLink({
    path: input.path,
    ownSessionId: input.serverId,
    peerSessionId: input.clientId,
    wrapper,
    clock,
    now,
    usedReplayIds: STATELESS_REPLAY_COUNTER,
  });
  const { commands, transmits } = outbox;
  const { maxPacketSize } = options;
  return new Session(
    { role: 'server', link, times, maxPacketSize, openTls, transmits, commands, lifeShare },
    handler,
    now,
    null,
  );
};
