import { randomBytes } from 'node:crypto';
import type { Tun, TunOptions } from '@shardvpn/native';
import type { ShardStart } from '@shardvpn/worker';
import type { ServerConfig } from '../config/server-config.js';
import type { Log } from '../log.js';
import { changeRoutes, type RouteChange } from '../system/change-routes.js';
import type { KeptDevice } from '../system/device-watch.js';
import { filterFloods } from '../system/flood-filter.js';
import { PortShare } from '../system/port-share.js';
import { type OpenListener, openListeners } from '../system/sockets.js';
import { applyTun, keptTun, planTun } from '../system/tun.js';
import { steerTun } from '../system/tun-steering.js';
import { type Offer, STEERING_FDS } from '../upgrade/hand-over-message.js';
import type { Inheritance } from '../upgrade/take-over.js';
import { ListenerSet } from './listener-set.js';
import type { NativePort } from './native-port.js';
import { createHopRings, planShardStarts } from './shard-start.js';

/** Sockets, device, rings and data threads of a server: opened once, whatever happens to the workers. */
export interface DataPlane {
  readonly plane: number;
  /** What the workers are started with, in shard order. */
  readonly starts: readonly ShardStart[];
  readonly listeners: ListenerSet;
  /** `null` for a server without a device. */
  readonly device: string;
  /** null for a server without a device. */
  readonly keptDevice: KeptDevice | null;
  /** Adds and removes kernel routes; returns those in force and what the kernel refused. */
  changeRoutes(wanted: ServerConfig['routes']): RouteChange;
  /** What the configuration says about connections, for those from now on. */
  limitStreams(config: ServerConfig): void;
  /** What another process needs to go on with it, and the descriptors. */
  offer(): { readonly offer: PlaneOffer; readonly fds: readonly number[] };
  close(): void;
}

export type PlaneOffer = Pick<Offer, 'shards' | 'listeners' | 'device' | 'steering' | 'cookieKey'>;

/**
 * Opens everything in shard order, or takes what another process has opened; the data threads wait for its sessions then.
 * Throws a one-line error; nothing stays open then.
 */
export const openDataPlane = (
  native: NativePort,
  config: ServerConfig,
  shards: number,
  log: Log,
  inherited: Inheritance | null = null,
): DataPlane => {
  const undo: (() => void)[] = [];
  const close = (): void => {
    for (const step of undo.splice(0).reverse()) step();
  };
  try {
    const sockets = inherited?.sockets ?? openListeners(native, config, shards, log);
    let listeners: ListenerSet | null = null;
    undo.push(() => (listeners === null ? native.closeFds(fdsOf(sockets)) : listeners.close()));
    const tunPlan = planTun(config, shards);
    const tun = tunPlan === null ? null : (inherited?.tun ?? applyTun(native, tunPlan));
    if (tun !== null) undo.push(() => native.closeFds(tun.fds));
    const plane = createPlane(native, config, shards);
    undo.push(() => native.destroyPlane(plane));
    native.setWays(plane, config.multihome?.sameInterface ?? false, config.passtos);
    filterFloods(native, plane, log);
    const portShare = new PortShare({ native, plane, log });
    undo.push(() => portShare.close());
    const limitStreams = ({ tcpQueueLimit, handWindow, proxyProtocol, portShare: target }: ServerConfig): void => {
      native.limitStreams(plane, tcpQueueLimit, handWindow * 1000, OPENING_CONNECTIONS);
      native.trustProxies(plane, [...proxyProtocol]);
      portShare.set(target);
    };
    limitStreams(config);
    const steering = tun === null ? null : steerTun(native, plane, tun, log, inherited?.steering ?? null);
    const cookieKey = inherited?.cookieKey ?? randomBytes(32);
    const starts = planShardStarts(config, { shards, plane, cookieKey });
    const start: NativePort['startShard'] = (...shard) =>
      inherited === null ? native.startShard(...shard) : native.prepareShard(...shard);
    startDataThreads(start, starts, sockets, tun?.fds ?? null);
    logOpened(log, sockets);
    if (tun !== null)
      log.debug(`tunnel device ${tun.name}`, { offloads: tun.offloads.join(' '), steering: steering?.by });
    const open = new ListenerSet(sockets, { native, plane, shards, log });
    listeners = open;
    const device = tunPlan === null || tun === null ? null : openDevice(native, tunPlan, tun, () => steering?.attach());
    return {
      plane,
      starts,
      listeners: open,
      device: tun?.name ?? 'null',
      keptDevice: device?.kept ?? null,
      offer: () => offerPlane(open.inOrder(), tun, native.steeringDescriptors(plane), { shards, cookieKey }),
      changeRoutes: (wanted) => device?.changeRoutes(wanted) ?? { inForce: wanted, problems: [] },
      limitStreams,
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
};

/** Connections of a shard that have no client yet. */
const OPENING_CONNECTIONS = 1024;

/** The routes that are set again after the device was down are those of the last change. */
const openDevice = (native: NativePort, tunPlan: TunOptions, tun: Tun, reopened: () => void) => {
  let plan = tunPlan;
  return {
    kept: keptTun(native, () => plan, tun, reopened),
    changeRoutes: (wanted: ServerConfig['routes']): RouteChange => {
      const change = changeRoutes(native, tun.name, plan.routes, wanted);
      plan = { ...plan, routes: [...change.inForce] };
      return change;
    },
  };
};

const fdsOf = (sockets: readonly (OpenListener | null)[]): number[] =>
  sockets.flatMap((socket) => socket?.group.fds ?? []);

const createPlane = (native: NativePort, config: ServerConfig, shards: number): number =>
  native.createPlane({
    shards,
    clientToClient: config.clientToClient,
    mssfix: config.mssfix,
    mssfixOf: config.mssfixOf,
    tunMtu: config.tunMtu,
    // A client that connects again is there twice for a moment.
    maxPeers: 2 * config.maxClients + 64 * shards,
  });

const startDataThreads = (
  start: NativePort['startShard'],
  starts: readonly ShardStart[],
  sockets: readonly (OpenListener | null)[],
  tun: readonly number[] | null,
): void => {
  const hops = createHopRings(starts.length);
  for (const [shard, { plane, toData, toWorker }] of starts.entries()) {
    start(plane, {
      shard,
      udp: sockets.map((socket) => socket?.group.fds[shard] ?? null),
      tun: tun?.[shard] ?? null,
      toData: new Uint8Array(toData),
      toWorker: new Uint8Array(toWorker),
      hopIn: hops.map((from) => from[shard] ?? null),
      hopOut: hops[shard] as (Uint8Array | null)[],
    });
  }
};

const offerPlane = (
  sockets: readonly (OpenListener | null)[],
  tun: Tun | null,
  steering: readonly number[],
  { shards, cookieKey }: { readonly shards: number; readonly cookieKey: Uint8Array },
): ReturnType<DataPlane['offer']> => ({
  offer: {
    shards,
    listeners: sockets.map((socket) => socket && offerListener(socket)),
    device: tun === null ? null : { name: tun.name, offloads: tun.offloads },
    steering: steering.length === STEERING_FDS ? STEERING_FDS : 0,
    cookieKey: Buffer.from(cookieKey).toString('hex'),
  },
  fds: [...fdsOf(sockets), ...(tun?.fds ?? []), ...steering],
});

const offerListener = ({ listener, group: { fds: _, ...group } }: OpenListener): Offer['listeners'][number] => ({
  ...listener,
  ...group,
});

const logOpened = (log: Log, sockets: readonly (OpenListener | null)[]): void => {
  for (const { listener, group } of sockets.filter((socket) => socket !== null)) {
    if (listener.transport === 'tcp') {
      log.debug(`TCP socket ${listener.host} port ${group.port}`);
      continue;
    }
    log.debug(`UDP socket ${listener.host} port ${group.port}`, {
      steering: group.steering,
      gro: group.gro,
      gso: group.gso,
      receiveBuffer: group.receiveBuffer,
    });
    if (group.steering === 'hash')
      log.warn('the kernel does not take the steering program: packets are handed from shard to shard');
    if (!group.gro || !group.gso) log.info('the kernel lacks UDP segmentation offload: throughput is lower');
  }
};
