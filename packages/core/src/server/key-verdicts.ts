import type { DropReason } from '../drop-reason.js';
import { type Millis, type Path, pathKey } from '../ids.js';

/** What somebody says about a client's own key; `unverified`: nobody could say anything. */
export type KeyVerdict = 'accept' | 'refuse' | 'unverified';

/** A client's own key, for whoever decides about it. [wire 8] */
export interface KeyQuestion {
  /** Name of the key: hex digits of the tag of its sealed form. */
  readonly key: string;
  /** Empty, or a type byte and data. */
  readonly metadata: Uint8Array;
}

/** A first packet that waits for the verdict about its client's key. */
export interface HeldPacket {
  readonly path: Path;
  readonly bytes: Uint8Array;
}

/**
 * Verdicts about clients' own keys, and the packets that wait for one. All of it is bounded, and a verdict is used again for a
 * short time: whoever repeats the packets of one client causes one question, not one for each packet.
 */
export class KeyVerdicts {
  readonly #ask: (question: KeyQuestion) => void;
  readonly #open = new Map<string, OpenQuestion>();
  readonly #decided = new Map<string, Decided>();

  constructor(ask: (question: KeyQuestion) => void) {
    this.#ask = ask;
  }

  /** Null for a key that is accepted; `held`: the packet, which has come in one piece, is handed back by `settle`. */
  check(now: Millis, question: KeyQuestion, packet: HeldPacket): DropReason | 'held' | null {
    const decided = this.#decided.get(question.key);
    if (decided !== undefined && now < decided.until) return FAULTS[decided.verdict];
    const open = this.#open.get(question.key);
    if (open !== undefined) return hold(open, packet);
    if (this.#open.size >= MOST_QUESTIONS) return 'client-key-pending';
    const asked: OpenQuestion = { held: new Map(), stale: false };
    this.#open.set(question.key, asked);
    this.#ask({ key: question.key, metadata: question.metadata.slice() });
    return hold(asked, packet);
  }

  /** The answer to a question; the packets that have waited for it are to be handled now. */
  settle(now: Millis, key: string, verdict: KeyVerdict): readonly HeldPacket[] {
    const open = this.#open.get(key);
    if (open === undefined) return [];
    this.#open.delete(key);
    if (!open.stale) this.#keep(now, key, verdict);
    return [...open.held.values()];
  }

  /** Whoever decides has changed: verdicts are worth nothing any more, those under way included. */
  forget(): void {
    this.#decided.clear();
    for (const open of this.#open.values()) open.stale = true;
  }

  /** Nothing can be said there any more. */
  forgetPath(path: Path): void {
    for (const { held } of this.#open.values()) held.delete(pathKey(path));
  }

  #keep(now: Millis, key: string, verdict: KeyVerdict): void {
    this.#decided.delete(key);
    this.#decided.set(key, { verdict, until: now + LIFE[verdict] });
    for (const [oldest, { until }] of this.#decided) {
      if (this.#decided.size <= MOST_VERDICTS && now < until) break;
      this.#decided.delete(oldest);
    }
  }
}

interface OpenQuestion {
  /** The latest packet of each path. */
  readonly held: Map<string, HeldPacket>;
  stale: boolean;
}

interface Decided {
  readonly verdict: KeyVerdict;
  readonly until: Millis;
}

const FAULTS: Readonly<Record<KeyVerdict, DropReason | null>> = {
  accept: null,
  refuse: 'client-key-refused',
  unverified: 'client-key-unverified',
};

/** A client that is let in needs its verdict for one packet; one that is not repeats its first packet for a minute. */
const LIFE: Readonly<Record<KeyVerdict, Millis>> = { accept: 10_000, refuse: 10_000, unverified: 3_000 };
const MOST_QUESTIONS = 64;
const MOST_VERDICTS = 1024;
/** For one key: it belongs to one client, and copies of its packets may come from anywhere. */
const MOST_HELD = 8;

const hold = ({ held }: OpenQuestion, { path, bytes }: HeldPacket): 'held' | 'client-key-pending' => {
  const key = pathKey(path);
  if (held.size >= MOST_HELD && !held.has(key)) return 'client-key-pending';
  held.set(key, { path, bytes: bytes.slice() });
  return 'held';
};
