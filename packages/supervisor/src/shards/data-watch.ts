import { VpnError } from '@shardvpn/core';
import type { Registry } from '../registry/registry.js';
import type { NativePort } from './native-port.js';
import type { Orphans } from './orphans.js';

/** Silence after which a client without a worker is given up where no `ping-restart` is set. */
const ORPHAN_SILENCE_SECONDS = 120;

/**
 * A look at the data threads of shards 0 to `shards` - 1. Returns the error that ends the server, when one of them is gone:
 * its sockets would take packets that nobody reads. Gives back the leases of orphans that have fallen silent; only shards
 * with orphans are asked for their peers, which are thousands of objects.
 */
export const lookAtDataThreads = (
  native: Pick<NativePort, 'shardState' | 'shardCounters'>,
  { plane, shards }: { readonly plane: number; readonly shards: number },
  orphans: Orphans,
  registry: Pick<Registry, 'abandon'>,
  pingTimeout: number,
): VpnError | null => {
  for (let shard = 0; shard < shards; shard++) {
    const state = native.shardState(plane, shard);
    if (state !== 'running') {
      return new VpnError('internal/data-thread-ended', `the data thread of shard ${shard} is ${state}`);
    }
  }
  for (const shard of orphans.shards()) {
    const { peers } = native.shardCounters(plane, shard);
    registry.abandon(orphans.takeSilent(shard, peers, pingTimeout || ORPHAN_SILENCE_SECONDS));
  }
  return null;
};
