import { createRequire } from 'node:module';
import { totalmem } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { StartWorker } from './shard-handle.js';

/** Starts a shard's thread with the compiled entry of the worker package. */
export const startWorkerThread: StartWorker = (start) =>
  new Worker(new URL('./entry.js', ENTRY_PACKAGE), {
    workerData: start,
    name: `shard-${start.server.shard}`,
    resourceLimits: { maxOldGenerationSizeMb: start.faults ? FAULTY_HEAP_MB : heapLimit(start.server.shards) },
  });

/** MiB of JavaScript objects: a worker that leaks ends alone, before the machine is out of memory. */
const heapLimit = (shards: number): number => Math.max(512, Math.min(4096, Math.floor(totalmem() / 2 ** 21 / shards)));

/** Filled in no time by a test. */
const FAULTY_HEAP_MB = 128;

const ENTRY_PACKAGE = `file://${createRequire(import.meta.url).resolve('@shardvpn/worker')}`;
