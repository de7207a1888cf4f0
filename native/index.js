// Loads the native core; index.d.ts is its typed face.
import { createRequire } from 'node:module';

const file = `./shardvpn.${process.platform}-${process.arch}.node`;
const native = load();

export const openUdpGroup = native.openUdpGroup;
export const openTcpGroup = native.openTcpGroup;
export const openUdpClient = native.openUdpClient;
export const openTcpClient = native.openTcpClient;
export const openTun = native.openTun;
export const reopenTun = native.reopenTun;
export const steerTun = native.steerTun;
export const restoreTun = native.restoreTun;
export const openLinkWatch = native.openLinkWatch;
export const lookAtLink = native.lookAtLink;
export const closeFds = native.closeFds;
export const setMtu = native.setMtu;
export const addAddress = native.addAddress;
export const removeAddress = native.removeAddress;
export const addRoute = native.addRoute;
export const removeRoute = native.removeRoute;
export const findWay = native.findWay;
export const keepCapabilities = native.keepCapabilities;
export const keepOnlyNetAdmin = native.keepOnlyNetAdmin;
export const createPlane = native.createPlane;
export const setWays = native.setWays;
export const filterFloods = native.filterFloods;
export const limitStreams = native.limitStreams;
export const trustProxies = native.trustProxies;
export const sharePort = native.sharePort;
export const unsharePort = native.unsharePort;
export const takeForeign = native.takeForeign;
export const destroyPlane = native.destroyPlane;
export const startShard = native.startShard;
export const prepareShard = native.prepareShard;
export const openListener = native.openListener;
export const closeListener = native.closeListener;
export const attachWorker = native.attachWorker;
export const detachWorker = native.detachWorker;
export const wakeShard = native.wakeShard;
export const shardCounters = native.shardCounters;
export const shardIo = native.shardIo;
export const shardState = native.shardState;
export const storeSnapshot = native.storeSnapshot;
export const dropSnapshot = native.dropSnapshot;
export const readSnapshots = native.readSnapshots;
export const resumeTls = native.resumeTls;
export const shardPeers = native.shardPeers;
export const shardPanics = native.shardPanics;
export const injectPanic = native.injectPanic;
export const openHandOver = native.openHandOver;
export const sendHandOver = native.sendHandOver;
export const receiveHandOver = native.receiveHandOver;
export const haltPlane = native.haltPlane;
export const sendSessions = native.sendSessions;
export const takeSessions = native.takeSessions;
export const takeBackPlane = native.takeBackPlane;
export const steeringDescriptors = native.steeringDescriptors;
export const adoptSteering = native.adoptSteering;
export const notifyService = native.notifyService;
export const probeHost = native.probeHost;
export const parallelism = native.parallelism;
export const buildInfo = native.buildInfo;
export const aes256Ctr = native.aes256Ctr;
export const hmac = native.hmac;
export const tlsCryptSeal = native.tlsCryptSeal;
export const tlsCryptOpen = native.tlsCryptOpen;
export const TlsServer = native.TlsServer;
export const TlsServerSession = native.TlsServerSession;

function load() {
  try {
    return createRequire(import.meta.url)(file);
  } catch (error) {
    throw new Error(`the native core ${file} does not load, build it with "npm run build": ${error.message}`, {
      cause: error,
    });
  }
}
