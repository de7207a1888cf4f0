import { VpnError } from '@shardvpn/core';
import type { NativePort } from './native-port.js';

/**
 * A look at the data threads of shards 0 to `shards` - 1. Returns the error that ends the server, when one of them is gone:
 * its sockets would take packets that nobody reads.
 */
export const lookAtDataThreads = (
  native: Pick<NativePort, 'shardState'>,
  { plane, shards }: { readonly plane: number; readonly shards: number },
): VpnError | null => {
  for (let shard = 0; shard < shards; shard++) {
    const state = native.shardState(plane, shard);
    if (state !== 'running' && state !== 'restarting' && state !== 'halted') {
      return new VpnError('internal/data-thread-ended', `the data thread of shard ${shard} is ${state}`);
    }
  }
  return null;
};
