import { readFileSync } from 'node:fs';
import type { WorkerFault } from '@shardvpn/worker';
import type { Log } from '../log.js';
import { repeat } from '../system/repeat.js';
import type { NativePort } from './native-port.js';
import type { ShardGroup } from './shard-group.js';
import type { StartWorker } from './shard-handle.js';

/** Parts of a server that a fault can be put into. */
export interface FaultTargets {
  readonly native: Pick<NativePort, 'injectPanic'>;
  readonly plane: number;
  readonly shards: number;
  readonly group: Pick<ShardGroup, 'send'>;
}

const LOOK_MS = 20;

/**
 * Commits the faults that a test appends to `file`, one a line: `FAULT SHARD` with a `WorkerFault`, or `panic` for the data
 * thread. What the file holds at first is left alone. Returns what ends it.
 */
export const watchFaultFile = (file: string, targets: FaultTargets, log: Log): (() => void) => {
  log.warn(`fault injection is on: lines of ${file} crash parts of this server`);
  let taken = linesOf(file).length;
  const look = (): void => {
    const lines = linesOf(file);
    for (const line of lines.slice(taken)) commit(line, targets, log);
    taken = lines.length;
  };
  return repeat(LOOK_MS, 'reading the faults', look, log);
};

/** Starts workers that obey `fault` messages. */
export const faultyWorkers =
  (startWorker: StartWorker): StartWorker =>
  (start) =>
    startWorker({ ...start, faults: true });

/** Whole lines; none of a file that is not there. */
const linesOf = (file: string): string[] => {
  try {
    return readFileSync(file, 'utf8').split('\n').slice(0, -1);
  } catch {
    return [];
  }
};

const commit = (line: string, { native, plane, shards, group }: FaultTargets, log: Log): void => {
  const [, fault = '', digits = ''] = /^(\w+) (\d+)$/.exec(line) ?? [];
  const shard = Number(digits);
  if (fault === '' || shard >= shards) log.error(`not a fault: ${line}`);
  else if (fault === 'panic') native.injectPanic(plane, shard);
  else group.send(shard, { type: 'fault', fault: fault as WorkerFault });
};
