import { type Millis, type Path, type PeerId, pathKey } from '../ids.js';
import { clientFeatures } from '../negotiate/features.js';
import type { CryptoProvider, KeptTls } from '../ports.js';
import type { KeyScheduleState } from '../session/data-key-schedule.js';
import { type KeptKey, Session } from '../session/session.js';
import type { BusyKeyPart } from '../snapshot/busy-key-part.js';
import type { SessionSnapshot } from '../snapshot/session-snapshot.js';
import { createProtection } from '../wrap/control-protection.js';
import { createTlsCryptWrapper } from '../wrap/tls-crypt.js';
import { lockOf } from './identity-lock.js';
import { createLink, type Opening, type SessionTls } from './open-session.js';
import type { ServerPhase } from './server-phase.js';
import type { StageOf } from './stage.js';

/** A client of an earlier server, as those know it who have outlived that. */
export interface InheritedPeer {
  readonly peerId: PeerId;
  /** Whether the data thread has it. */
  readonly served: boolean;
  /** Where the data thread sends its packets; null for where it was when the snapshot was made. */
  readonly path: Path | null;
  /** Its latest snapshot. */
  readonly bytes: Uint8Array | null;
  /** What was stored with that. */
  readonly tls: KeptTls | null;
  /** Earlier servers that have failed over this client; absent: none. */
  readonly deaths?: number;
}

/**
 * A connected client of a server that is gone. Its TLS session goes on only in the middle of an exchange: any other client
 * has no control channel until the renegotiation at `renegotiateAt`, at the latest.
 */
export const restoreSession =
  (snapshot: SessionSnapshot, path: Path, renegotiateAt: Millis, tls: KeptTls | null): Opening =>
  (context, handler, sessionTls, now) => {
    const { options, outbox, lifeShare, crypto } = context;
    const { peerId, suite, times, keys, busyKey, clientId, serverId } = snapshot;
    const { clientKey } = snapshot.link;
    const wrap = clientKey === null ? options.wrap : { type: 'tls-crypt-v2' as const, ...clientKey, canResend: false };
    const protection = createProtection(wrap, 'server', crypto);
    const link = createLink(context, { path, clientId, cookie: serverId, protection }, now);
    link.restore(now, snapshot.link, (key) => createTlsCryptWrapper(key, 'server', crypto));
    const { commands, transmits } = outbox;
    const { maxPacketSize } = options;
    const session = Session.restore(
      { role: 'server', link, times, maxPacketSize, openTls: sessionTls.open, transmits, commands, lifeShare },
      handler,
      now,
      { peerId, suite, phase: { type: 'complete' } },
      keys,
      {
        renegotiateAt: Math.max(
          Math.min(keys.renegotiateAt ?? Number.POSITIVE_INFINITY, renegotiateAt),
          soonestFor(snapshot.client.identity.peerInfo, keys),
        ),
        kept: busyKey && keptKey(busyKey, tls, sessionTls),
      },
    );
    return { session, stage: connectedStage(snapshot) };
  };

/**
 * compat(openvpn 3.11.7): it sends with a renegotiated key when that has settled, counted from the end of the negotiation. When the next
 * one begins before, it forgets the key and goes on with one that has been retired here.
 */
const soonestFor = (peerInfo: ReadonlyMap<string, string>, { lameDuck, settledAt }: KeyScheduleState): Millis =>
  lameDuck !== null && peerInfo.get('IV_VER')?.startsWith('3.') ? settledAt + SLOW_NEGOTIATION : 0;

const SLOW_NEGOTIATION: Millis = 5000;

/** null where its TLS session has not come along: that of another process, or one that has come further meanwhile. */
const keptKey = (part: BusyKeyPart, kept: KeptTls | null, tls: SessionTls): KeptKey<ServerPhase> | null => {
  const { hasTls, ...key } = part;
  if (!hasTls) return { ...key, tls: null };
  const resumed = kept === null ? null : tls.resume(kept);
  return resumed && { ...key, tls: resumed };
};

/** True where the client has moved since the snapshot was made. */
export const hasMoved = (snapshot: SessionSnapshot, path: Path): boolean => pathKey(snapshot.path) !== pathKey(path);

/** Some time for whoever fails again at once, then no more at a time than a shard can do beside its other work. */
export const firstRenegotiation = (crypto: CryptoProvider, clients: number): Millis => {
  const [byte = 0] = crypto.randomBytes(1);
  const spread = Math.min(Math.max(RENEGOTIATION_GAP * clients, SHORTEST_SPREAD), LONGEST_SPREAD);
  return RENEGOTIATION_DELAY + Math.floor((spread * byte) / 255);
};

const RENEGOTIATION_DELAY: Millis = 1000;
const RENEGOTIATION_GAP: Millis = 10;
const SHORTEST_SPREAD: Millis = 2000;
const LONGEST_SPREAD: Millis = 60_000;

const connectedStage = ({ peerId, suite, client }: SessionSnapshot): StageOf<'connected'> => {
  const { identity, lease, pushCipher, tls, pushed, pushedAt, since, endAt } = client;
  const choice = { features: clientFeatures(identity.peerInfo), suite, pushCipher };
  const known = { identity, lock: lockOf(identity), choice, tls, push: [] };
  return { type: 'connected', client: known, lease, peerId, pushed, pushedAt, since, endAt };
};
