import { asPeerId, type Path, type PeerId } from '../ids.js';
import type { KeptTls } from '../ports.js';
import type { KeyScheduleState } from '../session/data-key-schedule.js';
import type { BusyKeyPart } from '../snapshot/busy-key-part.js';
import { encodeClientPart } from '../snapshot/client-part.js';
import { encodeSessionSnapshot } from '../snapshot/session-snapshot.js';
import { encodeNumbers } from './kept-numbers.js';
import { NO_PEER_ID } from './peer-id-pool.js';
import type { ServerSession } from './server-session.js';
import type { StageOf } from './stage.js';

/** What somebody who outlives the server has to do, so that another one can go on: see `Server.restore`. */
export type SnapshotChange =
  /** Takes the place of the peer's earlier one. The bytes hold keys; `tls` belongs to them. */
  | { readonly type: 'store'; readonly peerId: PeerId; readonly bytes: Uint8Array; readonly tls: KeptTls | null }
  | { readonly type: 'drop'; readonly peerId: PeerId };

/** Which connected clients have changed since their snapshots were polled. */
export class SnapshotBook {
  readonly #kept = new Map<ServerSession, Kept>();
  readonly #changed = new Set<ServerSession>();
  #dropped: PeerId[] = [];
  #keptNumber = 0;
  readonly #busyWith: (peerId: PeerId | null) => void;

  /** `busyWith`: see `ServerPorts.onBusyWith`. */
  constructor(busyWith: (peerId: PeerId | null) => void) {
    this.#busyWith = busyWith;
  }

  /** To be called after whatever may have changed the session. */
  note(session: ServerSession): void {
    const { stage, control } = session;
    const { keySchedule } = control;
    const kept = this.#kept.get(session);
    if (stage.type !== 'connected' || keySchedule === null) {
      if (kept !== undefined) this.#drop(session, kept);
      return;
    }
    const { path, packets } = control.link;
    if (kept?.stage === stage && kept.path === path && kept.keys === keySchedule && kept.packets === packets) {
      return;
    }
    const client = kept?.stage === stage ? kept.client : null;
    this.#kept.set(session, { stage, path, keys: keySchedule, packets, client });
    this.#changed.add(session);
  }

  /**
   * Drops come first: a peer-id may have got another owner. `nextFresh`: what peer-ids were dealt. That is kept under the number that
   * nobody has, and some more, because those that nobody gets just rest for a while.
   */
  poll(nextFresh: number): SnapshotChange | undefined {
    if (nextFresh > this.#keptNumber) {
      this.#keptNumber = nextFresh + NUMBERS_AHEAD;
      return { type: 'store', peerId: asPeerId(NO_PEER_ID), bytes: encodeNumbers(this.#keptNumber), tls: null };
    }
    const peerId = this.#dropped.shift();
    if (peerId !== undefined) return { type: 'drop', peerId };
    for (const session of this.#changed) {
      this.#changed.delete(session);
      const kept = this.#kept.get(session);
      if (kept !== undefined) return this.#store(session, kept);
    }
    return undefined;
  }

  /** A snapshot that nobody has a session for. */
  drop(peerId: PeerId): void {
    this.#dropped.push(peerId);
  }

  #store(session: ServerSession, kept: Kept): SnapshotChange {
    const { peerId } = kept.stage;
    this.#busyWith(peerId);
    const change = { type: 'store', peerId, ...encode(session, kept) } as const;
    this.#busyWith(null);
    return change;
  }

  #drop(session: ServerSession, kept: Kept): void {
    this.#kept.delete(session);
    this.#changed.delete(session);
    this.drop(kept.stage.peerId);
  }
}

const NUMBERS_AHEAD = 64;
/** A client that acknowledges nothing can have many times as much wait for it, and every packet of it makes another snapshot. */
const MOST_BACKLOG = 32 * 1024;

interface Kept {
  readonly stage: StageOf<'connected'>;
  readonly path: Path;
  readonly keys: KeyScheduleState;
  readonly packets: number;
  /** The stage, encoded; null until it is needed. */
  client: Uint8Array | null;
}

const encode = (session: ServerSession, kept: Kept): { readonly bytes: Uint8Array; readonly tls: KeptTls | null } => {
  const { client: known, peerId, lease, ...sent } = kept.stage;
  const { identity, choice, tls } = known;
  kept.client ??= encodeClientPart({ identity, lease, pushCipher: choice.pushCipher, tls, ...sent });
  const { link, times } = session.control;
  const busy = busyKeyOf(session);
  const snapshot = {
    peerId,
    suite: choice.suite,
    clientId: session.clientId,
    serverId: link.ownSessionId,
    path: kept.path,
    times,
    keys: kept.keys,
    busyKey: busy?.part ?? null,
    link: link.state,
  };
  return { bytes: encodeSessionSnapshot(snapshot, kept.client), tls: busy?.tls ?? null };
};

/** null as well where nobody could go on with its TLS session, or it would take too much. */
const busyKeyOf = ({ control }: ServerSession): { readonly part: BusyKeyPart; readonly tls: KeptTls | null } | null => {
  const { busyKey } = control;
  const tls = busyKey?.key.channel.keptTls;
  if (busyKey === null || tls === null || busyKey.key.channel.backlog > MOST_BACKLOG) return null;
  const { isNext, key } = busyKey;
  const { startedAt, channel } = key;
  const phase = key.phase.type === 'await-auth' ? ({ type: 'complete' } as const) : key.phase;
  const part = { isNext, startedAt, phase, hasTls: tls !== undefined, channel: channel.state };
  return { part, tls: tls ?? null };
};
