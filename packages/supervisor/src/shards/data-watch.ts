import { VpnError } from '@shardvpn/core';
import type { ShardCounters } from '@shardvpn/native';
import type { Registry } from '../registry/registry.js';
import type { Orphans } from './orphans.js';

/** Silence after which a client without a worker is given up where no `ping-restart` is set. */
const ORPHAN_SILENCE_SECONDS = 120;

/**
 * A look at the data threads. Returns the error that ends the server, when one of them is gone: its sockets would take
 * packets that nobody reads. Gives back the leases of orphans that have fallen silent.
 */
export const lookAtDataThreads = (
  readCounters: () => readonly ShardCounters[],
  orphans: Orphans,
  registry: Pick<Registry, 'abandon'>,
  pingTimeout: number,
): VpnError | null => {
  const counters = readCounters();
  const broken = counters.find(({ state }) => state !== 'running');
  if (broken !== undefined) {
    return new VpnError('internal/data-thread-ended', `the data thread of shard ${broken.shard} is ${broken.state}`);
  }
  for (const shard of orphans.shards()) {
    const peers = counters.find((one) => one.shard === shard)?.peers ?? [];
    registry.abandon(orphans.takeSilent(shard, peers, pingTimeout || ORPHAN_SILENCE_SECONDS));
  }
  return null;
};
