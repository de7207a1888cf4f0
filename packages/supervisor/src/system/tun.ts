import type { Tun, TunOptions } from '@shardvpn/native';
import type { ServerConfig } from '../config/server-config.js';
import type { NativePort } from '../shards/native-port.js';
import type { KeptDevice } from './device-watch.js';
import { startError } from './start-error.js';

type TunConfig = Pick<ServerConfig, 'device' | 'tunMtu' | 'ipv4' | 'ipv6' | 'routes'>;

/** What the tunnel device has to be; null for `dev null`, a server without one. */
export const planTun = ({ device, tunMtu, ipv4, ipv6, routes }: TunConfig, queues: number): TunOptions | null =>
  device === 'null'
    ? null
    : {
        name: device,
        queues,
        mtu: tunMtu,
        addresses: [ipv4, ipv6].flatMap((net) => (net === null ? [] : [`${net.server}/${net.bits}`])),
        routes: routes.map(({ destination, via, metric }) => ({ destination, via, metric })),
      };

/** Makes the device as planned; the error says what was refused and what to do. */
export const applyTun = (native: Pick<NativePort, 'openTun'>, plan: TunOptions): Tun => {
  try {
    return native.openTun(plan);
  } catch (error) {
    throw startError('config/cannot-open-tun', `cannot set up the tunnel device ${plan.name}`, error, TUN_HINTS);
  }
};

/** What sets up the device of `plan`, as that is then, again, under the name that it has been given; `reopened` is called when it is anew. */
export const keptTun = (
  native: Pick<NativePort, 'reopenTun' | 'restoreTun'>,
  plan: () => TunOptions,
  { name, fds }: Tun,
  reopened: () => void,
): KeptDevice => ({
  name,
  mtu: () => plan().mtu,
  restore: () => native.restoreTun({ ...plan(), name }),
  reopen: () => {
    native.reopenTun(fds, { ...plan(), name });
    reopened();
  },
});

const TUN_HINTS = {
  EPERM: 'this needs root or CAP_NET_ADMIN',
  EACCES: 'this needs root or CAP_NET_ADMIN',
  ENOENT:
    'there is no /dev/net/tun: load the kernel module with "modprobe tun", or pass --device /dev/net/tun to the container',
  ENODEV: 'the kernel has no tun driver: load it with "modprobe tun"',
  EBUSY: 'another program uses this device: stop it, or choose another with "dev"',
  EEXIST: 'the address or route is there already: change "server" or "route"',
};
