import type { TcpGroup, UdpGroup } from '@shardvpn/native';
import type { ListenerConfig, ServerConfig } from '../config/server-config.js';
import type { Log } from '../log.js';
import type { NativePort } from '../shards/native-port.js';
import { startError } from './start-error.js';

/** A listener that is open: one socket a shard. */
export interface OpenListener {
  readonly listener: ListenerConfig;
  /** Of connections: without what only datagrams have. */
  readonly group: TcpGroup & { readonly [Name in keyof UdpGroup]?: UdpGroup[Name] | undefined };
}

/** Opens every listener; on failure none stays open, and the error names address, port and what to do. */
export const openListeners = (
  native: Pick<NativePort, 'openUdpGroup' | 'openTcpGroup' | 'closeFds'>,
  { listeners, ...config }: Pick<ServerConfig, 'listeners' | SocketConfig>,
  shards: number,
  log: Log,
): OpenListener[] => {
  const open: OpenListener[] = [];
  try {
    for (const listener of listeners) {
      const one = openListener(native, listener, { ...config, shards, beside: false, user: null }, log);
      if (one !== null) open.push(one);
    }
    if (open.length === 0)
      throw startError('config/no-listener', 'no address to listen on', new Error('every listener failed'), {});
    return open;
  } catch (error) {
    native.closeFds(open.flatMap(({ group }) => group.fds));
    throw error;
  }
};

/** What all sockets have in common. */
export type SocketConfig = 'rcvbuf' | 'sndbuf' | 'socket' | 'multihome';

export interface ListenerSettings extends Pick<ServerConfig, SocketConfig | 'user'> {
  readonly shards: number;
  /** Another listener of this server has the port, with other addresses. */
  readonly beside: boolean;
}

/** Opens one listener; null for a family that is optional and missing. `user`: whom the process has become, if anybody. */
export const openListener = (
  native: Pick<NativePort, 'openUdpGroup' | 'openTcpGroup'>,
  listener: ListenerConfig,
  { rcvbuf, sndbuf, socket, multihome, shards, beside, user }: ListenerSettings,
  log: Log,
): OpenListener | null => {
  const { host, port } = listener;
  try {
    const buffers = {
      receiveBuffer: rcvbuf,
      sendBuffer: sndbuf,
      socket: { ...socket, tellLocal: multihome !== null },
    };
    const options = { host, port, shards, shared: beside, ...buffers };
    const group = listener.transport === 'tcp' ? native.openTcpGroup(options) : native.openUdpGroup(options);
    return { listener, group };
  } catch (error) {
    const errno = (error as { code?: string }).code ?? '';
    if (listener.optional && FAMILY_MISSING.has(errno)) {
      log.info(`no IPv${listener.family} on this machine, not listening there`);
      return null;
    }
    const hints = user === null ? LISTEN_HINTS : { ...LISTEN_HINTS, ...hintsAs(user, beside) };
    throw startError('config/cannot-listen', `cannot listen on ${listenerText(listener)}`, error, hints);
  }
};

/** `host:port/udp`. */
export const listenerText = (listener: ListenerConfig): string =>
  `${endpointText(listener)}/${listener.transport ?? 'udp'}`;

/** `host:port`, brackets around an IPv6 host. */
export const endpointText = ({ host, port }: { readonly host: string; readonly port: number }): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

const FAMILY_MISSING: ReadonlySet<string> = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL']);

const LISTEN_HINTS = {
  EADDRINUSE: 'another program uses this port: stop it, or choose another with "port"',
  EADDRNOTAVAIL: 'this machine does not have that address: change "local"',
  EACCES: 'ports below 1024 need root: run as root, or choose another with "port"',
  EPERM: 'run as root',
  ENODEV: 'this machine has no such device: change "bind-dev"',
};

/** Of a process that was root once. */
const hintsAs = (user: string, beside: boolean): Readonly<Record<string, string>> => ({
  EACCES: `the server has become "${user}", who has no right to ports below 1024: restart it`,
  ...(beside && { EADDRINUSE: `the server's own socket on this port is from before it became "${user}": restart it` }),
});
