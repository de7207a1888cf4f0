import { VpnError } from '@shardvpn/core';

/** The part of the native core that the main thread uses. */
export type NativePort = Pick<
  typeof import('@shardvpn/native'),
  | 'openUdpGroup'
  | 'openTcpGroup'
  | 'limitStreams'
  | 'trustProxies'
  | 'sharePort'
  | 'unsharePort'
  | 'takeForeign'
  | 'openListener'
  | 'closeListener'
  | 'openTun'
  | 'reopenTun'
  | 'steerTun'
  | 'restoreTun'
  | 'addRoute'
  | 'removeRoute'
  | 'openLinkWatch'
  | 'lookAtLink'
  | 'closeFds'
  | 'createPlane'
  | 'setWays'
  | 'filterFloods'
  | 'destroyPlane'
  | 'startShard'
  | 'prepareShard'
  | 'openHandOver'
  | 'sendHandOver'
  | 'receiveHandOver'
  | 'haltPlane'
  | 'sendSessions'
  | 'takeSessions'
  | 'takeBackPlane'
  | 'steeringDescriptors'
  | 'adoptSteering'
  | 'notifyService'
  | 'shardCounters'
  | 'shardIo'
  | 'shardState'
  | 'shardPanics'
  | 'injectPanic'
  | 'parallelism'
  | 'probeHost'
>;

/** Loads the native core; throws `internal/native-missing` when it is not built, or not for this machine. */
export const loadNative = async (): Promise<typeof import('@shardvpn/native')> => {
  try {
    return await import('@shardvpn/native');
  } catch (error) {
    const reason = (error as Error).message.split('\n', 1)[0];
    throw new VpnError('internal/native-missing', `the native core cannot be loaded (run "npm run build"): ${reason}`);
  }
};
