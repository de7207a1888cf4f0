import { setTimeout as delay } from 'node:timers/promises';

/** Waits that end at once, with an AbortError, when the user interrupts the run. */
export class Abortable {
  constructor(readonly signal: AbortSignal) {}

  async sleep(seconds: number): Promise<void> {
    await delay(seconds * 1000, undefined, { signal: this.signal });
  }

  /** Waits until `probe` gives something truthy; throws with `what` after `seconds`. An error of the probe ends the wait. */
  async until<T>(
    what: string,
    probe: () => T | Promise<T>,
    { seconds = 20, everyMs = 50 } = {},
  ): Promise<NonNullable<T>> {
    const end = performance.now() + seconds * 1000;
    for (;;) {
      const answer = await probe();
      if (answer) return answer;
      if (performance.now() > end) throw new Error(`after ${seconds} s still not: ${what}`);
      await this.sleep(everyMs / 1000);
    }
  }
}
