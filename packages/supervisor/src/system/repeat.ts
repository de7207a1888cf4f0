import type { Log } from '../log.js';

/** Runs `job` every so often and never two at a time; a failure is logged and the next turn comes. Returns what ends it. */
export const repeat = (everyMs: number, what: string, job: () => void | Promise<void>, log: Log): (() => void) => {
  let busy = false;
  const turn = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    try {
      await job();
    } catch (error) {
      log.error(`${what} failed: ${(error as Error).message}`);
    } finally {
      busy = false;
    }
  };
  const timer = setInterval(() => void turn(), everyMs);
  return () => clearInterval(timer);
};
