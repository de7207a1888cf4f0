import { setTimeout as sleep } from 'node:timers/promises';

export { sleep };

/**
 * Waits until `probe` gives something truthy; after `seconds` it fails with `what`. An error of the probe ends the wait. The limit is not
 * for what is proven, but for a machine that has other things to do.
 */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  { seconds = 60, every = 50 } = {},
): Promise<NonNullable<T>> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const answer = await probe();
    if (answer) return answer;
    if (performance.now() > end) throw new Error(`after ${seconds} s still not: ${what}`);
    await sleep(every);
  }
}

/** Fails if `work` always takes longer than `seconds`. Some other program may take the processor once, or twice. */
export async function withinSeconds(seconds: number, work: () => Promise<number>): Promise<void> {
  const taken: number[] = [];
  while (taken.length < TRIES) {
    taken.push(await work());
    if (Math.min(...taken) < seconds) return;
  }
  throw new Error(`not within ${seconds} s: ${taken.join(' s, ')} s`);
}

const TRIES = 5;
