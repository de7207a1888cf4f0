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
 * once. Everything works without it, a packet at the wrong shard takes a hop. `inherited`: what steers them in the process
 * that hands over, nothing where it did not.
 */
export const steerTun = (
  native: Pick<NativePort, 'steerTun' | 'adoptSteering'>,
  plane: number,
  { name, fds }: Pick<Tun, 'name' | 'fds'>,
  log: Log,
  inherited: readonly number[] | null = null,
): TunSteering => {
  const attempt = (steer: () => void): boolean => {
    try {
      steer();
      return true;
    } catch (error) {
      log.warn(`packets for ${name} are steered by flow and handed from shard to shard: ${describe(error as Error)}`);
      return false;
    }
  };
  const queue = fds[0] as number;
  const attach = (): boolean => attempt(() => native.steerTun(plane, queue));
  const begin = (): boolean =>
    inherited === null
      ? attach()
      : inherited.length > 0 && attempt(() => native.adoptSteering(plane, queue, [...inherited]));
  const steered = fds.length > 1 && begin();
  return { by: steered ? 'bpf' : 'flow', attach: () => void (steered && attach()) };
};

const describe = (error: Error & { code?: string }): string =>
  error.code === 'EPERM' ? `${error.message}; this needs root or CAP_BPF` : error.message;
