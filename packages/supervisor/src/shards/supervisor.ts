import { listenAdmin } from '../admin/listen.js';
import { type AdminOptions, adminHandler } from '../admin/routes.js';
import type { ServerFacts, ServerStatus } from '../admin/server-status.js';
import { StatusWriter } from '../admin/status-writer.js';
import type { LoadedConfig } from '../config/load-config.js';
import type { ServerConfig } from '../config/server-config.js';
import type { Log } from '../log.js';
import { CrlFollower, readRevocation } from '../registry/crl-source.js';
import { keepLeases } from '../registry/lease-store.js';
import { type ClientMessage, Registry } from '../registry/registry.js';
import type { RevocationList } from '../registry/revocation.js';
import { watchDevice } from '../system/device-watch.js';
import { dropPrivileges } from '../system/privileges.js';
import { repeat } from '../system/repeat.js';
import { endpointText } from '../system/sockets.js';
import { VERSION } from '../version.js';
import { type DataPlane, openDataPlane } from './data-plane.js';
import { lookAtDataThreads } from './data-watch.js';
import { faultyWorkers, watchFaultFile } from './fault-injection.js';
import { watchFaults } from './fault-watch.js';
import { loadNative, type NativePort } from './native-port.js';
import { watchPanics } from './panic-watch.js';
import { Reloader, type ReloadReport } from './reloader.js';
import { ShardGroup } from './shard-group.js';
import type { StartWorker } from './shard-handle.js';
import { createStatusReader, unixNow } from './status-reader.js';
import { Teardown } from './teardown.js';
import { tryTls } from './try-tls.js';
import { startWorkerThread } from './worker-entry.js';

/** A server that accepts clients. */
export interface RunningServer {
  readonly listening: readonly { readonly host: string; readonly port: number }[];
  /** Name of the tunnel device, `null` for `dev null`. */
  readonly device: string;
  readonly workers: number;
  /** Base address of the status endpoint, null when there is none. */
  readonly adminUrl: string | null;
  /** Reads the configuration again and takes over what a running server can; clients stay connected. */
  reload(): Promise<ReloadReport>;
  /** Tells every client to connect again. Returns how many they were. */
  restartClients(): number;
  /** What `/status` answers. */
  status(): Promise<ServerStatus>;
  /** Tells the clients, ends the shards and frees everything; within 3 s. Idempotent. */
  stop(): Promise<void>;
  /** Resolves when the server cannot go on; `stop` is still to be called. */
  readonly failed: Promise<Error>;
}

/** What a test exchanges: the native core and the threads. */
export interface StartPorts {
  readonly native: NativePort;
  readonly startWorker: StartWorker;
}

/** `readAgain` is for `reload`, `faults` names a file of faults to inject. Opens sockets and device, starts the shards, and resolves when all of them are ready. Rejects with a one-line error. */
export const startServer = async (
  config: ServerConfig,
  log: Log,
  ports?: StartPorts,
  readAgain: (() => LoadedConfig) | null = null,
  faults: string | null = null,
): Promise<RunningServer> => {
  const teardown = new Teardown();
  try {
    const { native, startWorker } = ports ?? { native: await loadNative(), startWorker: startWorkerThread };
    return await start(config, log, { native, startWorker, readAgain, faults }, teardown);
  } catch (error) {
    await teardown.run().catch((problem: Error) => log.error(`cleaning up: ${problem.message}`));
    throw error;
  }
};

/** Reads the configuration that the server was started with again; null when it did not come from text. */
interface Readable {
  readonly readAgain: (() => LoadedConfig) | null;
  readonly faults: string | null;
}

/** Longest wait for the clients to be told at the end. */
const DRAIN_LIMIT_MS = 2_500;
const DATA_LOOK_MS = 2_000;

const start = async (
  config: ServerConfig,
  log: Log,
  ports: StartPorts & Readable,
  teardown: Teardown,
): Promise<RunningServer> => {
  const { native, readAgain, faults } = ports;
  const startWorker = faults === null ? ports.startWorker : faultyWorkers(ports.startWorker);
  const workers = config.workers ?? native.parallelism();
  await tryTls(config.tls, log);
  const registry = new Registry(config, { log, send: (shard, message) => group.send(shard, message) });
  const statusWriter = config.status === null ? null : new StatusWriter(config.status);
  teardown.add(() => statusWriter?.close());
  teardown.add(keepLeases(config.poolPersist, registry, log));
  const data = openDataPlane(native, config, workers, log);
  teardown.add(() => data.close());
  const onClient = (shard: number, message: ClientMessage): void => registry.handle(shard, message);
  const group = new ShardGroup(data.starts, { startWorker, log, onClient });
  await group.start();
  teardown.add(() => group.stop(DRAIN_LIMIT_MS));
  const facts = factsOf(data, workers);
  const readStatus = createStatusReader({ native, data, group, registry, facts });
  const crlUsers = {
    setCrl: (crl: string) => group.setCrl(crl),
    setRevocation: (list: RevocationList) => registry.setRevocation(list),
  };
  const crlFollower = new CrlFollower(crlUsers, log);
  const reopenFiles = (): string[] => [log.reopen?.() ?? [], statusWriter?.reopen() ?? []].flat();
  const reloader = new Reloader(config, { readAgain, group, registry, data, crl: crlFollower, reopenFiles, log });
  const reload = (): Promise<ReloadReport> => reloader.reload();
  const adminUrl = await openAdmin(config.adminHttp, { readStatus, reload }, log, teardown);
  dropPrivileges(config, log);
  await statusWriter?.start(readStatus, log);
  crlFollower.follow(reloader.config);
  teardown.add(() => crlFollower.close());
  readFirstRevocation(reloader.config.tls, registry, log);
  watchSystem(native, data, log, teardown);
  if (faults !== null) teardown.add(watchFaultFile(faults, { native, plane: data.plane, shards: workers, group }, log));
  const failed = watchData(native, data, log, teardown);
  sayStarted(data, workers, adminUrl, log);
  const stop = stopOnce(teardown, log);
  const restartClients = (): number => registry.restartClients();
  return {
    get listening() {
      return facts.listening;
    },
    device: facts.device,
    workers,
    adminUrl,
    reload,
    restartClients,
    status: readStatus,
    failed,
    stop,
  };
};

/** The shards refuse revoked certificates from the first handshake on; the registry's own look may come a moment later. */
const readFirstRevocation = ({ crl, ca }: ServerConfig['tls'], registry: Registry, log: Log): void => {
  if (crl === null) return;
  void readRevocation(crl, ca).then(
    (list) => registry.setRevocation(list),
    (error: Error) => log.error(error.message),
  );
};

/** `listening` is what is open when somebody looks. */
const factsOf = ({ device, listeners }: DataPlane, workers: number): ServerFacts => ({
  version: VERSION,
  since: unixNow(),
  device,
  get listening() {
    return listeners.listening;
  },
  workers,
});

const stopOnce = (teardown: Teardown, log: Log): (() => Promise<void>) => {
  let stopped: Promise<void> | undefined;
  return () => {
    stopped ??= teardown.run().then(() => log.info('stopped'));
    return stopped;
  };
};

const openAdmin = async (
  endpoint: ServerConfig['adminHttp'],
  { readStatus, reload }: Pick<AdminOptions, 'readStatus' | 'reload'>,
  log: Log,
  teardown: Teardown,
): Promise<string | null> => {
  if (endpoint === null) return null;
  const onProblem = (error: Error): void => log.error(`status endpoint: ${error.message}`);
  const http = await listenAdmin(endpoint, adminHandler({ token: endpoint.token, readStatus, reload, onProblem }), log);
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
    udp: listeners.listening.map(endpointText).join(' '),
    device,
    workers,
    ...(adminUrl !== null && { status: adminUrl }),
  });
};
