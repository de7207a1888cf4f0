import { describeServer, type ServerFacts, type ServerStatus } from '../admin/server-status.js';
import type { Registry } from '../registry/registry.js';
import type { DataPlane } from './data-plane.js';
import type { NativePort } from './native-port.js';
import type { ShardGroup } from './shard-group.js';

export interface StatusSources {
  readonly native: Pick<NativePort, 'shardCounters'>;
  readonly data: Pick<DataPlane, 'plane' | 'starts'>;
  readonly group: Pick<ShardGroup, 'statistics' | 'restarts'>;
  readonly registry: Pick<Registry, 'connected' | 'refusals' | 'ended'>;
  readonly facts: ServerFacts;
}

/** Reads the whole status; requests that come while one is being read share it. */
export const createStatusReader = ({
  native,
  data,
  group,
  registry,
  facts,
}: StatusSources): (() => Promise<ServerStatus>) => {
  let reading: Promise<ServerStatus> | undefined;
  const read = async (): Promise<ServerStatus> => {
    const control = await group.statistics();
    return describeServer(
      facts,
      unixNow(),
      registry.connected(),
      readDataThreads(native, data),
      control,
      group.restarts(),
      registry.refusals(),
      registry.ended(),
    );
  };
  return () => {
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return reading;
  };
};

/** Counters of every data thread, in shard order. */
const readDataThreads = (native: Pick<NativePort, 'shardCounters'>, data: Pick<DataPlane, 'plane' | 'starts'>) =>
  data.starts.map((_, shard) => native.shardCounters(data.plane, shard));

/** Whole unix seconds. */
export const unixNow = (): number => Math.floor(Date.now() / 1000);
