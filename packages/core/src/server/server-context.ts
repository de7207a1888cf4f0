import type { Path } from '../ids.js';
import type { CryptoProvider } from '../ports.js';
import type { Outbox } from '../session/outbox.js';
import type { SessionTimes } from '../session/session-times.js';
import type { WallClock } from '../session/wall-clock.js';
import type { PeerIdPool } from './peer-id-pool.js';
import type { ServerEvent } from './server-event.js';
import type { ServerOptions } from './server-options.js';

/** What all sessions of a server have in common. */
export interface ServerContext {
  readonly options: ServerOptions;
  readonly crypto: CryptoProvider;
  readonly clock: WallClock;
  readonly times: SessionTimes;
  readonly outbox: Outbox<ServerEvent>;
  readonly peerIds: PeerIdPool;
  /** The server's line of the options comparison, for a client with this one. [wire 18] */
  readonly optionsString: (path: Path, client: string) => string;
  /** 90..100 % at random. [wire 17] */
  readonly lifeShare: () => number;
}
