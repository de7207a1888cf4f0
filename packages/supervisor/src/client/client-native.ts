import type { NativePort } from '../shards/native-port.js';

/** The part of the native core that a client uses. */
export type ClientNative = Pick<
  NativePort,
  | 'openTun'
  | 'reopenTun'
  | 'openLinkWatch'
  | 'lookAtLink'
  | 'closeFds'
  | 'createPlane'
  | 'setWays'
  | 'destroyPlane'
  | 'startShard'
  | 'limitStreams'
  | 'shardIo'
> &
  RouteNative &
  Pick<typeof import('@shardvpn/native'), 'openUdpClient' | 'openTcpClient' | 'keepCapabilities' | 'keepOnlyNetAdmin'>;

/** What changes the system's addresses and routes. */
export type RouteNative = Pick<
  typeof import('@shardvpn/native'),
  'setMtu' | 'addAddress' | 'removeAddress' | 'addRoute' | 'removeRoute' | 'findWay'
>;
