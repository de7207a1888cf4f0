/** A way for a worker to die, for tests of what lives on. */
export const WORKER_FAULTS = ['exception', 'rejection', 'exit', 'memory', 'loop'] as const;
export type WorkerFault = (typeof WORKER_FAULTS)[number];

/** Ends this thread in the way that is asked for. Nothing calls it in a worker that was not started for fault injection. */
export function commitFault(fault: WorkerFault): void {
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
  }
}

function exhaustMemory(): void {
  const hoard: number[][] = [];
  for (;;) hoard.push(new Array<number>(1_000_000).fill(0.5));
}
