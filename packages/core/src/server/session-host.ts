import type { DropReason } from '../drop-reason.js';
import type { Millis, PeerId } from '../ids.js';
import type { SessionTls } from './open-session.js';
import type { ServerContext } from './server-context.js';
import type { Succession } from './succession.js';

/** What a session may ask of its server. */
export interface SessionHost<Session> extends ServerContext {
  tlsOf(session: Session): SessionTls;
  /** Number for a question to the world; its answer will come to this session. `peerId` in a question for a lease. */
  ask(session: Session, peerId?: PeerId): number;
  /** The session is who it says it is, and has nobody's place: older sessions of the same path end. [wire 7] */
  handleAuthenticated(now: Millis, session: Session): void;
  /** The older session of the same path that this one takes the place of, and what it leaves; null when there is none. */
  predecessorOf(now: Millis, session: Session): { readonly session: Session; readonly left: Succession } | null;
  /** Ends a session without a word to anybody: another one has its place. */
  giveWay(older: Session): void;
  /** Something that came inside a session was not taken. */
  count(reason: DropReason): void;
  /** The session is connected: it can be found by its peer-id. */
  handleConnected(session: Session, peerId: PeerId): void;
}
