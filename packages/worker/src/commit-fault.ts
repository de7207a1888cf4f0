import { readSnapshots, storeSnapshot } from '@shardvpn/native';

/**
 * A way for a worker to die, for tests of what lives on; `snapshots`: after it has spoilt what it leaves behind; `poison`: as
 * soon as a connected client wants something of it.
 */
export const WORKER_FAULTS = ['exception', 'rejection', 'exit', 'memory', 'loop', 'snapshots', 'poison'] as const;
export type WorkerFault = (typeof WORKER_FAULTS)[number];

/** Ends this thread in the way that is asked for. Nothing calls it in a worker that was not started for fault injection. */
export function commitFault(fault: WorkerFault, plane: number, shard: number): void {
  switch (fault) {
    case 'exception':
      throw new Error('injected exception');
    case 'rejection':
      void Promise.reject(new Error('injected rejection'));
      break;
    case 'exit':
      process.exit(7);
      break;
    case 'memory':
      exhaustMemory();
      break;
    case 'loop':
      for (;;);
    case 'snapshots':
      spoilSnapshots(plane, shard);
      process.exit(7);
      break;
    case 'poison':
      isPoisoned = true;
  }
}

let isPoisoned = false;

/** To be called whenever this thread turns to a client. */
export function sufferPoison(peerId: number | null): void {
  if (isPoisoned && peerId !== null) throw new Error('injected poison');
}

function spoilSnapshots(plane: number, shard: number): void {
  for (const { peerId, bytes } of readSnapshots(plane, shard)) storeSnapshot(plane, shard, peerId, bytes.fill(1), null);
}

function exhaustMemory(): void {
  const hoard: number[][] = [];
  for (;;) hoard.push(new Array<number>(1_000_000).fill(0.5));
}
