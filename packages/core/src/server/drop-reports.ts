import type { DropReason } from '../drop-reason.js';
import type { Millis, Path } from '../ids.js';
import { dropHint } from './drop-hint.js';
import type { ServerEvent } from './server-event.js';

type TurnedAway = Extract<ServerEvent, { readonly type: 'turned-away' }>;

/**
 * Which packets of unknown clients are worth a word: one for each address and reason a minute, and only for a few addresses, so that
 * strangers under false names fill neither the log nor the memory.
 */
export class DropReports {
  readonly #tell: (event: TurnedAway) => void;
  readonly #told = new Map<DropReason, Set<string>>();
  #until = Number.NEGATIVE_INFINITY;

  constructor(tell: (event: TurnedAway) => void) {
    this.#tell = tell;
  }

  /** Tells of it, when it can be mended and has not been told; the reason, in any case. */
  report(now: Millis, path: Path, reason: DropReason): DropReason {
    const known = dropHint(reason);
    if (known !== null && this.#take(now, path, reason)) {
      this.#tell({ type: 'turned-away', path, reason, ...known });
    }
    return reason;
  }

  #take(now: Millis, { host }: Path, reason: DropReason): boolean {
    if (now >= this.#until) {
      this.#until = now + PERIOD;
      this.#told.clear();
    }
    const hosts = this.#told.get(reason);
    if (hosts === undefined) {
      this.#told.set(reason, new Set([host]));
      return true;
    }
    if (hosts.size >= MOST_ADDRESSES || hosts.has(host)) {
      return false;
    }
    hosts.add(host);
    return true;
  }
}

const PERIOD: Millis = 60_000;
/** Per reason. */
const MOST_ADDRESSES = 8;
