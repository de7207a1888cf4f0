import type { DropReason } from '../drop-reason.js';
import type { Millis, PeerId } from '../ids.js';
import type { SessionTls } from './open-session.js';
import type { ServerContext } from './server-context.js';

/** What a session may ask of its server. */
export interface SessionHost<Session> extends ServerContext {
  tlsOf(session: Session): SessionTls;
  /** Number for a question to the world; its answer will come to this session. `peerId` in a question for a lease. */
  ask(session: Session, peerId?: PeerId): number;
  /** The session is who it says it is: older sessions of the same path end. [wire 7] */
  handleAuthenticated(now: Millis, session: Session): void;
  /** Something that came inside a session was not taken. */
  count(reason: DropReason): void;
  /** The session is connected: it can be found by its peer-id. */
  handleConnected(session: Session, peerId: PeerId): void;
}
