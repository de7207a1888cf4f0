import { parentPort, workerData } from 'node:worker_threads';
import { type PeerId, Server, VpnError } from '@shardvpn/core';
import { attachWorker, wakeShard } from '@shardvpn/native';
import { commitFault, sufferPoison } from './commit-fault.js';
import { KeptSessions } from './kept-sessions.js';
import type { FromShard, ShardStart, ToShard } from './messages.js';
import { nodeCrypto } from './node-crypto.js';
import { PostBatch } from './post-batch.js';
import { Shard, type ShardMessage } from './shard.js';
import { Suspects } from './suspects.js';
import { ShardTlsEngine } from './tls/tls-engine.js';

/** Milliseconds between two beats. */
const HEARTBEAT_MS = 1000;
/** Milliseconds between two looks at the wall clock, which somebody may set. */
const WALL_CLOCK_MS = 60_000;

/** The thread of a shard. Nothing is caught here: a worker with an unknown fault ends, and the supervisor starts another. */
function runShard(port: NonNullable<typeof parentPort>, start: ShardStart): void {
  const batch = new PostBatch<FromShard>((messages) => port.postMessage(messages));
  const post = (message: FromShard): void => batch.push(message);
  const warn = (message: string): void => process.emitWarning(message);
  const tls = new ShardTlsEngine(start.tls, { now: systemMillis, warn });
  const begin = (): Shard => beginShard(start, tls, post);
  const waiting: ShardMessage[] = [];
  let shard = start.waits ? null : begin();
  port.on('message', (message: ToShard) => {
    if (message.type === 'fault') {
      if (start.faults) commitFault(message.fault, start.plane, start.server.shard);
    } else if (message.type === 'begin') {
      const begun = shard ?? begin();
      shard = begun;
      for (const earlier of waiting.splice(0)) begun.handleMessage(earlier);
    } else if (shard !== null) shard.handleMessage(message);
    else if (message.type === 'shutdown') post({ type: 'drained' });
    else waiting.push(message);
  });
  const heartbeat = new Int32Array(start.heartbeat);
  setInterval(() => Atomics.add(heartbeat, 0, 1), HEARTBEAT_MS);
  setInterval(() => shard?.handleWallClock(unixNow()), WALL_CLOCK_MS);
  post({ type: 'ready' });
}

function beginShard(start: ShardStart, tls: ShardTlsEngine, post: (message: FromShard) => void): Shard {
  const suspects = new Suspects(start.suspects);
  const kept = new KeptSessions(start.plane, start.server.shard, suspects);
  const onBusyWith = (peerId: PeerId | null): void => {
    suspects.handle(peerId);
    sufferPoison(peerId);
  };
  const shard = new Shard(start, {
    createServer: (onTlsProgress) =>
      new Server(start.server, { crypto: nodeCrypto, tls, onTlsProgress, onBusyWith }, systemMillis(), unixNow()),
    now: systemMillis,
    post,
    wakeDataThread: () => wakeShard(start.plane, start.server.shard),
    inheritedPeers: () => kept.inheritedPeers(),
    keepSnapshot: (change) => kept.keep(change),
    setCrl: (crl) => setCrl(tls, crl),
    setTls: (options) => tls.use(options),
  });
  attachWorker(start.plane, start.server.shard, () => shard.wake());
  return shard;
}

const unixNow = (): number => Math.floor(Date.now() / 1000);

/** Monotonic, and the same in all threads and processes since the machine started: times in snapshots keep their meaning. */
function systemMillis(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return 1000 * seconds + nanoseconds / 1e6;
}

/** The registry refuses revoked certificates as well, so the old list may stay in force here when the TLS engine cannot read the new one. */
function setCrl(tls: ShardTlsEngine, crl: string): void {
  try {
    tls.setCrl(crl);
  } catch (error) {
    process.emitWarning(
      `the TLS engine cannot use the new CRL and goes on with the old one: ${(error as Error).message}`,
    );
  }
}

if (parentPort === null) throw new VpnError('api-misuse/not-a-worker', 'this is the entry of a worker thread');
runShard(parentPort, workerData as ShardStart);
