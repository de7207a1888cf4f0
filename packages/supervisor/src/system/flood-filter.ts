import type { Log } from '../log.js';
import type { NativePort } from '../shards/native-port.js';

/**
 * Has the kernel drop in a flood what nobody waits for. Where it refuses that is told once, and the data threads look at everything;
 * false then.
 */
export const filterFloods = (native: Pick<NativePort, 'filterFloods'>, plane: number, log: Log): boolean => {
  try {
    native.filterFloods(plane);
    return true;
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    const fix = code === 'EPERM' ? '; this needs root or CAP_BPF' : '';
    log.info(`floods are filtered by the data threads alone: ${message}${fix}`);
    return false;
  }
};
