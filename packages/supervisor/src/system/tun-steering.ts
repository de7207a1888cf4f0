import type { Tun } from '@shardvpn/native';
import type { Log } from '../log.js';
import type { NativePort } from '../shards/native-port.js';

/** Who decides which shard reads a packet for the device: a BPF program that knows the routes, or the kernel by flow. */
export interface TunSteering {
  readonly by: 'bpf' | 'flow';
  /** After the device was made anew. */
  readonly attach: () => void;
}

/**
 * Steers packets to the shards that own their destinations, where there are several; what the kernel refuses is told
 * once. Everything works without it, a packet at the wrong shard takes a hop.
 */
export const steerTun = (
  native: Pick<NativePort, 'steerTun'>,
  plane: number,
  { name, fds }: Pick<Tun, 'name' | 'fds'>,
  log: Log,
): TunSteering => {
  const attach = (): boolean => {
    try {
      native.steerTun(plane, fds[0] as number);
      return true;
    } catch (error) {
      log.warn(`packets for ${name} are steered by flow and handed from shard to shard: ${describe(error as Error)}`);
      return false;
    }
  };
  const steered = fds.length > 1 && attach();
  return { by: steered ? 'bpf' : 'flow', attach: () => void (steered && attach()) };
};

const describe = (error: Error & { code?: string }): string =>
  error.code === 'EPERM' ? `${error.message}; this needs root or CAP_BPF` : error.message;
