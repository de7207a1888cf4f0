import { setTimeout as sleep } from 'node:timers/promises';

export { sleep };

/** Waits until `probe` gives something truthy; after `seconds` it fails with `what`. An error of the probe ends the wait. */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  { seconds = 15, every = 50 } = {},
): Promise<NonNullable<T>> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const answer = await probe();
    if (answer) return answer;
    if (performance.now() > end) throw new Error(`after ${seconds} s still not: ${what}`);
    await sleep(every);
  }
}
