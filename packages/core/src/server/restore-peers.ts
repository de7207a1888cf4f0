import type { Millis, PeerId } from '../ids.js';
import { decodeSessionSnapshot } from '../snapshot/session-snapshot.js';
import { describeClient } from './connect-client.js';
import { decodeNumbers } from './kept-numbers.js';
import { NO_PEER_ID } from './peer-id-pool.js';
import { firstRenegotiation, hasMoved, type InheritedPeer, restoreSession } from './restore-session.js';
import { ServerSession } from './server-session.js';
import type { SessionHost } from './session-host.js';

export interface RestoreHost {
  readonly context: SessionHost<ServerSession>;
  /** Takes a session with this number into the server's books. */
  readonly add: (peerId: PeerId, session: ServerSession) => void;
  /** The snapshot is nobody's any more. */
  readonly dropSnapshot: (peerId: PeerId) => void;
  /** See `ServerPorts.onBusyWith`. */
  readonly busyWith: (peerId: PeerId | null) => void;
}

/** See `Server.restore`. */
export const restorePeers = (now: Millis, peers: readonly InheritedPeer[], host: RestoreHost): void => {
  const { peerIds } = host.context;
  const clients = peers.filter(({ peerId }) => peerId !== NO_PEER_ID);
  for (const { peerId } of clients) peerIds.inherit(peerId);
  peerIds.resume(now, decodeNumbers(peers.find(({ peerId }) => peerId === NO_PEER_ID)?.bytes ?? null));
  for (const peer of clients) {
    host.busyWith(peer.peerId);
    const fault = restorePeer(now, peer, clients.length, host);
    if (fault !== null) abandonPeer(now, peer, fault, host);
    host.busyWith(null);
  }
};

/** Why not, or null. An unknown fault costs this client: as the server's it would come again with each of its successors. */
const restorePeer = (now: Millis, peer: InheritedPeer, clients: number, host: RestoreHost): string | null => {
  try {
    return tryPeer(now, peer, clients, host);
  } catch (error) {
    return `its session could not be taken over: ${error instanceof Error ? error.message : String(error)}`;
  }
};

/** Everything that depends on the bytes comes before anybody hears of the session. */
const tryPeer = (now: Millis, peer: InheritedPeer, clients: number, host: RestoreHost): string | null => {
  const { context, add } = host;
  const { peerId, served, bytes, tls, deaths = 0 } = peer;
  if (deaths >= DEADLY) return `${deaths} workers have failed over it`;
  const snapshot = bytes === null ? null : decodeSessionSnapshot(bytes);
  if (!served || snapshot?.peerId !== peerId) return 'its session could not be taken over';
  const path = peer.path ?? snapshot.path;
  const renegotiateAt = now + firstRenegotiation(context.crypto, clients);
  const open = restoreSession(snapshot, path, renegotiateAt, tls);
  const session = new ServerSession(context, snapshot.clientId, open, now);
  const { stage } = session;
  if (stage.type !== 'connected') return 'its session could not be taken over';
  const client = describeClient(stage);
  add(peerId, session);
  context.outbox.events.push({ type: 'restored', client });
  if (hasMoved(snapshot, path)) context.outbox.events.push({ type: 'floated', peerId, path });
  return null;
};

/** Told under its data key to connect again. Its number rests, and whoever holds its lease hears of it. */
const abandonPeer = (now: Millis, { peerId, served }: InheritedPeer, detail: string, host: RestoreHost): void => {
  const { outbox, peerIds } = host.context;
  host.dropSnapshot(peerId);
  if (served) {
    outbox.commands.push({ type: 'notify-exit', peerId });
    outbox.commands.push({ type: 'remove-peer', peerId });
  }
  peerIds.release(now, peerId);
  outbox.events.push({ type: 'disconnected', peerId, reason: 'state-lost', detail });
};

/** Once may be chance. */
const DEADLY = 2;
