import type { Path } from '@shardvpn/core';
import type { Log } from '../log.js';
import { addressOf, type ClientRecord, nameOf } from './identities.js';

/** Says who moves, of each client once a minute: one with two ways out moves often, and a hostile one as often as it can. */
export class MoveLog {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #moved = new WeakMap<ClientRecord, Told>();
  readonly #conflicted = new WeakMap<ClientRecord, Told>();

  /** `now`: monotonic milliseconds. */
  constructor(log: Log, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  /** `client` is about to be at `path`. */
  tellMove(client: ClientRecord, path: Path): void {
    this.#once(this.#moved, client, (moves) =>
      this.#log.info(`${nameOf(client.identity)} moved`, {
        from: addressOf(client),
        to: addressOf({ path }),
        ...(moves > 1 && { moves }),
      }),
    );
  }

  /** `client` cannot be at `path`, which is that of somebody else. */
  tellConflict(client: ClientRecord, holder: ClientRecord, path: Path): void {
    this.#once(this.#conflicted, client, () =>
      this.#log.warn(`${nameOf(client.identity)} cannot move: ${nameOf(holder.identity)} has that address`, {
        to: addressOf({ path }),
      }),
    );
  }

  #once(known: WeakMap<ClientRecord, Told>, client: ClientRecord, tell: (times: number) => void): void {
    const now = this.#now();
    const told = known.get(client) ?? { until: now, times: 0 };
    told.times++;
    known.set(client, told);
    if (now < told.until) return;
    tell(told.times);
    Object.assign(told, { until: now + PERIOD, times: 0 });
  }
}

interface Told {
  /** Nothing is said before. */
  until: number;
  /** Since it was said last. */
  times: number;
}

const PERIOD = 60_000;
