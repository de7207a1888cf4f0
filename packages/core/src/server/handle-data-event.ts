import type { DataEvent } from '../data-plane.js';
import type { DropReason } from '../drop-reason.js';
import { assertNever } from '../errors.js';
import { type Millis, type Path, type PeerId, pathKey } from '../ids.js';
import { sameIdentity } from './identity-lock.js';
import type { ServerEvent } from './server-event.js';
import type { ServerSession } from './server-session.js';
import type { SessionTable } from './session-table.js';

/** What an event of the data thread needs of the server. */
export interface DataEventPorts {
  readonly table: SessionTable;
  /** Runs one step of a session and keeps the server's books. */
  readonly run: (session: ServerSession, step: () => void) => void;
  readonly tell: (event: ServerEvent) => void;
  /** Counts a packet of an unknown client that was not taken, and says why. */
  readonly turnAway: (path: Path, reason: DropReason) => void;
}

/** An event about a peer without a session is too late, and says nothing. */
export const handleDataEvent = (now: Millis, event: DataEvent, ports: DataEventPorts): void => {
  if (event.type === 'reset') {
    handleReset(now, ports);
    return;
  }
  if (event.type === 'closed') {
    handleClosed(now, event.path, ports);
    return;
  }
  if (event.type === 'rate-limited') {
    ports.turnAway(event.path, 'rate-limited');
    return;
  }
  const session = ports.table.byPeerId(event.peerId);
  if (session === undefined) {
    return;
  }
  switch (event.type) {
    case 'floated':
      handleFloat(now, session, event.peerId, event.path, ports);
      break;
    case 'float-conflict':
      handleFloatConflict(now, session, event, ports);
      break;
    case 'exit':
      ports.run(session, () => session.end(now, 'exit-notify', 'the client said goodbye'));
      break;
    case 'key-limit':
      ports.run(session, () => session.handleKeyLimit(now, event.keyId));
      break;
    case 'silent':
      ports.run(session, () => session.end(now, 'ping-restart', 'nothing came for as long as ping-restart says'));
      break;
    case 'inactive':
      ports.run(session, () => session.end(now, 'inactive', 'less traffic than inactive asks for'));
      break;
    default:
      assertNever(event);
  }
};

/** Everybody who was connected has lost its keys. */
const handleReset = (now: Millis, { table, run }: DataEventPorts): void => {
  for (const session of table.all()) {
    if (session.peerId !== null) {
      run(session, () => session.end(now, 'data-reset', 'the data thread has started anew'));
    }
  }
};

/** Whoever was there can hear nothing more. */
const handleClosed = (now: Millis, path: Path, { table, run }: DataEventPorts): void => {
  for (const session of table.atPath(path)) {
    run(session, () => session.end(now, 'connection-closed', 'the connection was closed'));
  }
};

/** A handshake that the client has begun over there, under the id of this session, gives way. */
const handleFloat = (
  now: Millis,
  session: ServerSession,
  peerId: PeerId,
  path: Path,
  { table, run, tell }: DataEventPorts,
): void => {
  if (pathKey(path) === pathKey(session.path)) {
    return;
  }
  table.remove(session);
  const namesake = table.find(path, session.clientId);
  if (namesake !== undefined) {
    run(namesake, () => namesake.end(now, 'replaced', 'the client moved here with another connection'));
  }
  session.handleFloat(path);
  table.add(session);
  tell({ type: 'floated', peerId, path });
};

/** The holder of the address is an older self of the client, or somebody else who keeps it. [wire 16] */
const handleFloatConflict = (
  now: Millis,
  session: ServerSession,
  event: Extract<DataEvent, { type: 'float-conflict' }>,
  { table, run, tell }: DataEventPorts,
): void => {
  const holder = table.byPeerId(event.holder);
  if (holder !== undefined && holder !== session && areSelves(holder, session)) {
    run(holder, () => holder.end(now, 'replaced', 'the client moved here with another connection'));
  } else {
    tell(event);
  }
};

/** Whether both are connected as the same client. */
const areSelves = ({ stage: a }: ServerSession, { stage: b }: ServerSession): boolean =>
  a.type === 'connected' && b.type === 'connected' && sameIdentity(a.client.lock, b.client.lock);
