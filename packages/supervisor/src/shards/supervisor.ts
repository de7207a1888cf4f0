import type { ToShard } from '@shardvpn/worker';
import { listenAdmin } from '../admin/listen.js';
import { type AdminOptions, adminHandler } from '../admin/routes.js';
import type { ServerFacts, ServerStatus } from '../admin/server-status.js';
import { StatusWriter } from '../admin/status-writer.js';
import type { Authenticate } from '../auth/auth-request.js';
import { Authenticator } from '../auth/authenticator.js';
import type { LoadedConfig } from '../config/load-config.js';
import type { ServerConfig } from '../config/server-config.js';
import type { Log } from '../log.js';
import { CrlFollower, readRevocation } from '../registry/crl-source.js';
import { keepLeases } from '../registry/lease-store.js';
import { Registry } from '../registry/registry.js';
import type { RevocationList } from '../registry/revocation.js';
import { KeyVerifier, type KeyVerifierPorts } from '../scripts/key-verifier.js';
import { ScriptRunner } from '../scripts/script-runner.js';
import { watchDevice } from '../system/device-watch.js';
import { dropPrivileges } from '../system/privileges.js';
import { repeat } from '../system/repeat.js';
import { endpointText } from '../system/sockets.js';
import { digestSettings } from '../upgrade/lasting-settings.js';
import type { Program } from '../upgrade/program.js';
import type { TakeOver } from '../upgrade/take-over.js';
import { type UpgradeReport, Upgrader, type UpgraderPorts } from '../upgrade/upgrader.js';
import { VERSION } from '../version.js';
import { type ClientControl, createClientControl } from './client-control.js';
import { type DataPlane, openDataPlane } from './data-plane.js';
import { lookAtDataThreads } from './data-watch.js';
import { faultyWorkers, watchFaultFile } from './fault-injection.js';
import { watchFaults } from './fault-watch.js';
import type { ListeningAt } from './listener-set.js';
import { loadNative, type NativePort } from './native-port.js';
import { watchPanics } from './panic-watch.js';
import { Reloader, type ReloadReport } from './reloader.js';
import { ShardGroup } from './shard-group.js';
import type { StartWorker, WorldMessage } from './shard-handle.js';
import { askingAbout } from './shard-start.js';
import { createStatusReader, unixNow } from './status-reader.js';
import { Teardown } from './teardown.js';
import { tryTls } from './try-tls.js';
import { startWorkerThread } from './worker-entry.js';

/** A server that accepts clients. */
export interface RunningServer extends ClientControl {
  readonly listening: readonly ListeningAt[];
  /** Name of the tunnel device, `null` for `dev null`. */
  readonly device: string;
  readonly workers: number;
  /** Base address of the status endpoint, null when there is none. */
  readonly adminUrl: string | null;
  /** Reads the configuration again and takes over what a running server can; clients stay connected. */
  reload(): Promise<ReloadReport>;
  /** Starts the program that is installed now and hands everything over to it; clients stay connected. */
  upgrade(): Promise<UpgradeReport>;
  /** Tells every client to connect again. Returns how many they were. */
  restartClients(): number;
  /** What `/status` answers. */
  status(): Promise<ServerStatus>;
  /** Tells the clients, ends the shards and frees everything; within 3 s. Idempotent. */
  stop(): Promise<void>;
  /** Resolves when the server cannot go on; `stop` is still to be called. */
  readonly failed: Promise<Error>;
  /** Resolves with the process that has taken over after `upgrade`; `stop`, which tells no client then, is still to be called. */
  readonly replaced: Promise<number>;
}

/** What a test exchanges: the native core and the threads. */
export interface StartPorts {
  readonly native: NativePort;
  readonly startWorker: StartWorker;
}

/** What a server may be told about the process that it runs in. */
export interface StartOptions {
  /** Reads the configuration that the server was started with again, for `reload`. Absent when it did not come from text. */
  readonly readAgain?: () => LoadedConfig;
  /** Decides about clients beside their certificates. */
  readonly authenticate?: Authenticate | null;
  /** File of faults to inject. */
  readonly faults?: string | null;
  /** What `upgrade` starts. */
  readonly program?: Program;
  /** The process that hands over to this one. */
  readonly takeOver?: TakeOver | null;
}

/** Opens sockets and device, or takes them over, starts the shards, and resolves when all of them are ready. Rejects with a one-line error. */
export const startServer = async (
  config: ServerConfig,
  log: Log,
  ports?: StartPorts,
  options: StartOptions = {},
): Promise<RunningServer> => {
  const teardown = new Teardown();
  try {
    const { native, startWorker } = ports ?? { native: await loadNative(), startWorker: startWorkerThread };
    return await start(config, log, { native, startWorker, ...options }, teardown);
  } catch (error) {
    options.takeOver?.refuse((error as Error).message);
    await teardown.run().catch((problem: Error) => log.error(`cleaning up: ${problem.message}`));
    throw error;
  }
};

/** Longest wait for the clients to be told at the end. */
const DRAIN_LIMIT_MS = 2_500;
const DATA_LOOK_MS = 2_000;

const start = async (
  config: ServerConfig,
  log: Log,
  ports: StartPorts & StartOptions,
  teardown: Teardown,
): Promise<RunningServer> => {
  const { native, readAgain = null, faults = null, takeOver = null, authenticate = null } = ports;
  const startWorker = faults === null ? ports.startWorker : faultyWorkers(ports.startWorker);
  const inherited = (await takeOver?.inherit(config)) ?? null;
  const workers = inherited?.shards ?? config.workers ?? native.parallelism();
  await tryTls(config.tls, log);
  const toShards = { log, send: (shard: number, message: ToShard) => group.send(shard, message) };
  const authenticator = authenticate === null ? null : new Authenticator(authenticate, toShards);
  const registry = new Registry(config, { ...toShards, authenticator });
  const statusWriter = config.status === null ? null : new StatusWriter(config.status);
  // What another process serves, or served, is not to be overwritten with what this one knows.
  const isOthers = (): boolean => upgrader.handedOver || takeOver?.isPending === true;
  teardown.add(() => statusWriter?.close(isOthers()));
  teardown.add(keepLeases(config.poolPersist, inherited === null ? registry : withoutOld(registry), log, isOthers));
  const data = openDataPlane(native, config, workers, log, inherited);
  teardown.add(() => data.close());
  const { runner, keys } = prepareScripts(config, toShards, teardown);
  const onClient = (shard: number, message: WorldMessage): void =>
    message.type === 'verify-key' ? keys.verify(shard, message) : registry.handle(shard, message);
  const starts = askingAbout(data.starts, authenticator !== null);
  const group = new ShardGroup(starts, { startWorker, log, onClient }, undefined, true);
  await group.start();
  teardown.add(() => group.stop(DRAIN_LIMIT_MS));
  const since = inherited?.since ?? unixNow();
  const facts = factsOf(data, workers, since, { authenticator, runner });
  const readStatus = createStatusReader({ native, data, group, registry, facts });
  const crlFollower = followerOf(group, registry, log);
  const reopenFiles = (): string[] => [log.reopen?.() ?? [], statusWriter?.reopen() ?? []].flat();
  const reloader = new Reloader(config, { readAgain, group, registry, keys, data, crl: crlFollower, reopenFiles, log });
  const reload = (): Promise<ReloadReport> => reloader.reload();
  const offer = () => offerOf(data, reloader.config, since);
  const upgrader = new Upgrader({ native, program: ports.program ?? null, data, group, registry, offer, log });
  teardown.add(() => upgrader.abort());
  const upgrade = (): Promise<UpgradeReport> => upgrader.upgrade();
  const clients = createClientControl({ registry, group, config: () => reloader.config, log });
  const admin = () => openAdmin(config.adminHttp, { readStatus, reload, upgrade, ...clients }, log, teardown);
  const openedAdmin = takeOver === null ? await admin() : null;
  if (takeOver === null || process.getuid?.() === 0) dropPrivileges(config, log);
  const finished = async (): Promise<void> => {
    group.begin();
    await statusWriter?.start(readStatus, log);
  };
  // No client is answered before the privileges are gone.
  if (takeOver === null) await finished();
  followRevocation(crlFollower, reloader.config, registry, log, teardown);
  watchSystem(native, data, log, teardown);
  if (faults !== null) teardown.add(watchFaultFile(faults, { native, plane: data.plane, shards: workers, group }, log));
  const failed = watchData(native, data, log, teardown);
  const adminUrl =
    takeOver === null ? openedAdmin : await takeOver.complete({ plane: data.plane, registry, finished, admin, log });
  sayStarted(data, workers, adminUrl, log);
  const controls = { ...clients, reload, upgrade, restartClients: () => registry.restartClients(), status: readStatus };
  const ends = { failed, replaced: upgrader.replaced, stop: stopOnce(teardown, log) };
  return withListening(facts, { device: facts.device, workers, adminUrl, ...controls, ...ends });
};

const prepareScripts = (config: ServerConfig, ports: Omit<KeyVerifierPorts, 'runner'>, teardown: Teardown) => {
  const runner = new ScriptRunner(ports.log);
  teardown.add(() => runner.close());
  return { runner, keys: new KeyVerifier(config, { runner, ...ports }) };
};

const withListening = (facts: ServerFacts, server: Omit<RunningServer, 'listening'>): RunningServer => ({
  ...server,
  get listening() {
    return facts.listening;
  },
});

/** `listening` is what is open when somebody looks. */
const factsOf = (
  { device, listeners }: DataPlane,
  workers: number,
  since: number,
  { authenticator, runner }: { readonly authenticator: Authenticator | null; readonly runner: ScriptRunner },
): ServerFacts => ({
  version: VERSION,
  since,
  device,
  get listening() {
    return listeners.listening;
  },
  workers,
  get authentications() {
    return authenticator?.counts;
  },
  get scripts() {
    return runner.counts;
  },
});

const stopOnce = (teardown: Teardown, log: Log): (() => Promise<void>) => {
  let stopped: Promise<void> | undefined;
  return () => {
    stopped ??= teardown.run().then(() => log.info('stopped'));
    return stopped;
  };
};

const followerOf = (group: ShardGroup, registry: Registry, log: Log): CrlFollower =>
  new CrlFollower(
    {
      setCrl: (crl: string) => group.setCrl(crl),
      setRevocation: (list: RevocationList) => registry.setRevocation(list),
    },
    log,
  );

const followRevocation = (
  follower: CrlFollower,
  config: ServerConfig,
  registry: Registry,
  log: Log,
  teardown: Teardown,
): void => {
  follower.follow(config);
  teardown.add(() => follower.close());
  const { crl, ca } = config.tls;
  // The shards refuse revoked certificates from the first handshake on; the registry's own look may come a moment later.
  if (crl !== null)
    void readRevocation(crl, ca).then(
      (list) => registry.setRevocation(list),
      (error: Error) => log.error(error.message),
    );
};

/** Leases come from the other process, not from the file that it writes. */
const withoutOld = (registry: Registry): Pick<Registry, 'restoreLeases' | 'leaseFile'> => ({
  restoreLeases: () => {},
  leaseFile: () => registry.leaseFile(),
});

const offerOf = (data: DataPlane, config: ServerConfig, since: number): ReturnType<UpgraderPorts['offer']> => {
  const { offer, fds } = data.offer();
  return { offer: { type: 'offer', ...offer, since, settings: digestSettings(config) }, fds };
};

const openAdmin = async (
  endpoint: ServerConfig['adminHttp'],
  wishes: Omit<AdminOptions, 'token' | 'onProblem'>,
  log: Log,
  teardown: Teardown,
): Promise<string | null> => {
  if (endpoint === null) return null;
  const onProblem = (error: Error): void => log.error(`status endpoint: ${error.message}`);
  const http = await listenAdmin(endpoint, adminHandler({ token: endpoint.token, ...wishes, onProblem }), log);
  teardown.add(() => http.close());
  return `http://${endpointText({ host: endpoint.host, port: http.port })}`;
};

const watchData = (native: NativePort, data: DataPlane, log: Log, teardown: Teardown): Promise<Error> =>
  new Promise((resolve) => {
    const look = (): void => {
      const problem = lookAtDataThreads(native, { plane: data.plane, shards: data.starts.length });
      if (problem !== null) resolve(problem);
    };
    teardown.add(repeat(DATA_LOOK_MS, 'looking at the data threads', look, log));
  });

const watchSystem = (native: NativePort, data: DataPlane, log: Log, teardown: Teardown): void => {
  const threads = { plane: data.plane, shards: data.starts.length };
  teardown.add(watchFaults(native, threads, log));
  teardown.add(watchPanics(native, threads, log));
  if (data.keptDevice !== null) teardown.add(watchDevice(native, data.keptDevice, log));
};

const sayStarted = ({ listeners, device }: DataPlane, workers: number, adminUrl: string | null, log: Log): void => {
  log.info(`ShardVPN ${VERSION} serves`, {
    ...addressesBy(listeners.listening),
    device,
    workers,
    ...(adminUrl !== null && { status: adminUrl }),
  });
};

const addressesBy = (listening: readonly ListeningAt[]): Record<string, string> => {
  const at = (wanted: string): string =>
    listening
      .filter(({ proto = 'udp' }) => proto === wanted)
      .map(endpointText)
      .join(' ');
  const [udp, tcp] = [at('udp'), at('tcp')];
  return { ...(udp !== '' && { udp }), ...(tcp !== '' && { tcp }) };
};
