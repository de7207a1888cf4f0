import type { Log } from '../log.js';
import { repeat } from '../system/repeat.js';
import { FaultLog } from './fault-log.js';
import type { NativePort } from './native-port.js';

const EVERY_MS = 1_000;

/** Logs the beginning and the end of the system's faults that the data threads of a plane count. Returns what ends it. */
export const watchFaults = (
  native: Pick<NativePort, 'shardIo'>,
  { plane, shards }: { readonly plane: number; readonly shards: number },
  log: Log,
): (() => void) => {
  const faults = new FaultLog(log);
  const look = (): void => {
    const totals = new Map<string, number>();
    for (let shard = 0; shard < shards; shard++) {
      for (const { name, value } of native.shardIo(plane, shard)) totals.set(name, (totals.get(name) ?? 0) + value);
    }
    faults.look(performance.now() / 1000, totals);
  };
  return repeat(EVERY_MS, 'looking at the counters', look, log);
};
