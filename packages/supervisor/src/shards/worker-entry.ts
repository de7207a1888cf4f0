import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { StartWorker } from './shard-handle.js';

/** Starts a shard's thread with the compiled entry of the worker package. */
export const startWorkerThread: StartWorker = (start) =>
  new Worker(new URL('./entry.js', ENTRY_PACKAGE), { workerData: start, name: `shard-${start.server.shard}` });

const ENTRY_PACKAGE = `file://${createRequire(import.meta.url).resolve('@shardvpn/worker')}`;
