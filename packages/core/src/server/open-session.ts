import type { Millis, Path } from '../ids.js';
import type { KeptTls, TlsSession } from '../ports.js';
import { ControlLink } from '../session/control-link.js';
import { Session, type SessionHandler } from '../session/session.js';
import { OPCODE } from '../wire/opcode.js';
import { freshSessionId, type SessionId } from '../wire/session-id.js';
import type { ControlProtection } from '../wrap/control-protection.js';
import { STATELESS_REPLAY_COUNTER } from './admission.js';
import type { ServerContext } from './server-context.js';
import type { ServerPhase } from './server-phase.js';
import type { Stage } from './stage.js';

/** The TLS sessions of a session. */
export interface SessionTls {
  readonly open: () => TlsSession;
  /** See `TlsEngine.resume`. */
  readonly resume: (kept: KeptTls) => TlsSession | null;
}

/** How a session of the server begins. */
export type Opening = (
  context: ServerContext,
  handler: SessionHandler<ServerPhase>,
  tls: SessionTls,
  now: Millis,
) => { readonly session: Session<ServerPhase>; readonly stage: Stage };

export interface ServerSessionInput {
  readonly path: Path;
  readonly clientId: SessionId;
  /** Our id, as the client has echoed it; null when our reset is still to be sent. [wire 7.1] */
  readonly cookie: SessionId | null;
  readonly protection: ControlProtection;
}

/** The control session as it is behind the stateless exchange of resets, or before our reset. [wire 7, 7.1] */
export const openSession =
  (input: ServerSessionInput): Opening =>
  (context, handler, tls, now) => {
    const { times, options, outbox, lifeShare } = context;
    const link = createLink(context, input, now);
    const { commands, transmits } = outbox;
    const { maxPacketSize } = options;
    const session = new Session(
      { role: 'server', link, times, maxPacketSize, openTls: tls.open, transmits, commands, lifeShare },
      handler,
      now,
      input.cookie === null ? OPCODE.hardResetServerV2 : null,
    );
    return { session, stage: { type: 'handshaking', client: null, asked: false } };
  };

export const createLink = (
  { crypto, clock, options }: ServerContext,
  { path, clientId, cookie, protection }: ServerSessionInput,
  now: Millis,
): ControlLink =>
  new ControlLink({
    path,
    ownSessionId: cookie ?? freshSessionId(crypto.randomBytes),
    peerSessionId: clientId,
    protection,
    clock,
    now,
    usedReplayIds: cookie === null ? 0 : STATELESS_REPLAY_COUNTER,
    replayWindow: options.replayWindow,
  });
