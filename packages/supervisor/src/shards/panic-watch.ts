import type { Log } from '../log.js';
import { repeat } from '../system/repeat.js';
import type { NativePort } from './native-port.js';

const EVERY_MS = 500;

/** Logs the faults of the data threads of a plane, each with what it said. Returns what ends it. */
export const watchPanics = (
  native: Pick<NativePort, 'shardPanics'>,
  { plane, shards }: { readonly plane: number; readonly shards: number },
  log: Log,
): (() => void) => {
  const seen = Array.from({ length: shards }, () => 0);
  const look = (): void => {
    for (let shard = 0; shard < shards; shard++) {
      const { count, last } = native.shardPanics(plane, shard);
      if (count === seen[shard]) continue;
      seen[shard] = count;
      log.error(
        `data thread of shard ${shard} failed and starts anew; its clients are told to connect again: ${last}`,
        {
          panics: count,
        },
      );
    }
  };
  return repeat(EVERY_MS, 'looking for failed data threads', look, log);
};
