import type { Millis, PeerId } from '../ids.js';
import type { CryptoProvider, TlsSession } from '../ports.js';
import type { Outbox } from '../session/outbox.js';
import type { SessionTimes } from '../session/session-times.js';
import type { WallClock } from '../session/wall-clock.js';
import type { Wrapper } from '../wrap/wrapper.js';
import type { PeerIdPool } from './peer-id-pool.js';
import type { ServerEvent } from './server-event.js';
import type { ServerOptions } from './server-options.js';
import type { ServerSession } from './server-session.js';

/** What all sessions of a server have in common, and what a session may ask of its server. */
export interface ServerContext {
  readonly options: ServerOptions;
  readonly crypto: CryptoProvider;
  readonly clock: WallClock;
  readonly times: SessionTimes;
  readonly wrapper: Wrapper;
  readonly outbox: Outbox<ServerEvent>;
  readonly peerIds: PeerIdPool;
  /** The server's line of the options comparison. [wire 18] */
  readonly optionsString: string;
  /** 90..100 % at random. [wire 17] */
  readonly lifeShare: () => number;
  openTls(session: ServerSession): TlsSession;
  /** Number for a question to the world; its answer will come to this session. `peerId` in a question for a lease. */
  ask(session: ServerSession, peerId?: PeerId): number;
  /** The session is who it says it is: older sessions of the same path end. [wire 7] */
  handleAuthenticated(now: Millis, session: ServerSession): void;
  /** The session is connected: it can be found by its peer-id. */
  handleConnected(session: ServerSession, peerId: PeerId): void;
}
