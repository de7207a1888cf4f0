import { readFileSync } from 'node:fs';
import { checkFragment, readLayers } from './compression.js';
import { readCredentials } from './credentials.js';
import { readDataCiphers } from './data-ciphers.js';
import { readFrontDoors } from './front-doors.js';
import { readIpv4 } from './ipv4-network.js';
import { readIpv6 } from './ipv6-network.js';
import { readRoutes } from './kernel-routes.js';
import { readConnectFreq, readLimits } from './limits.js';
import { readListeners } from './listeners.js';
import { readMssfix } from './mssfix.js';
import { type Problem, ProblemList } from './problem.js';
import { readProcessSettings } from './process-settings.js';
import { readPushes } from './push-list.js';
import { type ReadOptions, type ReadResult, readArguments, readText } from './read.js';
import { readScript } from './script-command.js';
import type { ServerConfig } from './server-config.js';
import { Settings } from './settings.js';
import { readMultihome, readSocketSettings } from './socket-settings.js';
import { readTimers } from './timers.js';
import { readTlsCryptV2 } from './tls-crypt-v2.js';
import { readTlsPolicy } from './tls-settings.js';
import { readTmpDir } from './tmp-dir.js';
import { readWrap } from './wrapping.js';

/** Where a configuration comes from. */
export type ConfigSource =
  /** Words as on the command line: `--config server.conf --port 1195`. */
  | { readonly arguments: readonly string[] }
  /** The content of a file; `name` is for messages. */
  | { readonly text: string; readonly name: string };

export interface LoadedConfig {
  /** Null when there is an error among the problems. */
  readonly config: ServerConfig | null;
  /** Errors, warnings and notes, by file and line. */
  readonly problems: readonly Problem[];
}

/** What the program that reads a configuration brings with it. */
export interface Surroundings {
  /** It decides about users, so clients may come without certificates. */
  readonly checksUsers?: boolean;
}

/** Reads and checks a configuration with all its files. Never throws: everything that is wrong is in `problems`. */
export const loadConfig = (
  source: ConfigSource,
  base = process.cwd(),
  now = new Date(),
  surroundings: Surroundings = {},
): LoadedConfig => {
  const problems = new ProblemList();
  const options: ReadOptions = { base, readText: (path) => readFileSync(path, 'utf8'), problems };
  const read =
    'text' in source ? readText(source.text, source.name, options) : readArguments(source.arguments, options);
  const settings = new Settings(read, sourceName(source, read), problems);
  // What stands in a file that cannot be read is not missing.
  const unread = problems.errors.some(({ directive }) => directive === 'config');
  const config = unread ? null : interpret(settings, now, surroundings);
  return { config: problems.errors.length > 0 ? null : config, problems: inReadingOrder(problems.all) };
};

/** Files as they were met, lines from top to bottom; what is missing comes last. */
export const inReadingOrder = (problems: readonly Problem[]): readonly Problem[] => {
  const files = [...new Set(problems.filter(({ place }) => place.line > 0).map(({ place }) => place.file))];
  const rank = ({ place }: Problem): number => (place.line === 0 ? files.length : files.indexOf(place.file));
  return problems.toSorted((a, b) => rank(a) - rank(b) || a.place.line - b.place.line);
};

export const sourceName = (source: ConfigSource, read: ReadResult): string =>
  'text' in source ? source.name : (read.entries.find(({ place }) => place.line > 0)?.place.file ?? 'command line');

const interpret = (settings: Settings, now: Date, surroundings: Surroundings): ServerConfig => {
  const ipv4 = readIpv4(settings);
  const ipv6 = readIpv6(settings);
  if (ipv4 === null && ipv6 === null && !settings.has('server') && !settings.has('server-ipv6')) {
    settings.missing('server', 'missing: the addresses of the clients; add for example: server 10.8.0.0 255.255.255.0');
  }
  const { push: keepalive, ...timers } = readTimers(settings);
  const ciphers = readDataCiphers(settings);
  const { crlFile, ...credentials } = readCredentials(settings, now);
  const tunMtu = settings.integer('tun-mtu', 1500, 100, 9000);
  const layers = readLayers(settings);
  const rate = settings.last('connect-freq-initial');
  const listeners = readListeners(settings);
  checkFragment(settings, listeners);
  return {
    source: settings.source,
    listeners,
    ...readFrontDoors(settings, listeners),
    device: readDevice(settings),
    tunMtu,
    ...readMssfix(settings, tunMtu, layers),
    layers,
    ipv4,
    ipv6,
    routes: readRoutes(settings),
    push: [...readPushes(settings, { ipv4, ipv6 }, keepalive), ...readNoDelay(settings)],
    clientToClient: settings.has('client-to-client'),
    duplicateCn: settings.has('duplicate-cn'),
    maxClients: settings.integer('max-clients', 1024, 1, 1 << 20),
    ...timers,
    ...ciphers,
    tls: { ...credentials, ...readTlsPolicy(settings, 'server', surroundings.checksUsers) },
    crlFile,
    wrap: readWrap(settings, ciphers.auth),
    tlsCryptV2: readTlsCryptV2(settings),
    tlsCryptV2Verify: readScript(settings, 'tls-crypt-v2-verify'),
    explicitExitNotify: readExitNotify(settings),
    connectFreqInitial: {
      count: rate === undefined ? 100 : settings.integerAt(rate, 0, 100, 1, 1_000_000_000),
      seconds: rate === undefined ? 10 : settings.integerAt(rate, 1, 10, 1, 1_000_000),
    },
    connectFreq: readConnectFreq(settings),
    ...readLimits(settings),
    ...readSocketSettings(settings),
    multihome: readMultihome(settings),
    sndbuf: settings.integer('sndbuf', 0, 0, MAX_BUFFER),
    rcvbuf: settings.integer('rcvbuf', 0, 0, MAX_BUFFER),
    tcpQueueLimit: settings.integer('tcp-queue-limit', 64, 1, 65535),
    ...readProcessSettings(settings),
    tmpDir: readTmpDir(settings),
  };
};

/** Our own connections never wait for more to send; `tcp-nodelay` asks the clients for the same. */
const readNoDelay = (settings: Settings): readonly string[] =>
  settings.has('tcp-nodelay') ? ['socket-flags TCP_NODELAY'] : [];

/** What setsockopt takes. */
const MAX_BUFFER = 0x3fff_ffff;

/** `topologies`: those that may be written. */
export const readDevice = (settings: Settings, topologies: readonly string[] = ['subnet']): string => {
  const dev = settings.last('dev');
  const type = settings.last('dev-type');
  const name = dev?.args[0] ?? 'tun';
  if (dev === undefined) settings.missing('dev', 'missing: the tunnel device; add: dev tun');
  if (type !== undefined && type.args[0] !== 'tun') {
    settings.error(type, `'${type.args[0]}' devices are not supported yet; use dev-type tun`);
  } else if (dev !== undefined && type === undefined && name !== 'null' && !name.startsWith('tun')) {
    settings.error(
      dev,
      `'${name}' is not a tun device; use dev tun, or add dev-type tun to give a tun device this name`,
    );
  } else if (dev !== undefined && !/^[\w.-]{1,15}$/.test(name)) {
    settings.error(dev, `'${name}' cannot be the name of a device; use up to 15 letters and digits`);
  }
  checkTopology(settings, topologies);
  return name;
};

const checkTopology = (settings: Settings, topologies: readonly string[]): void => {
  const topology = settings.last('topology');
  const server = settings.last('server');
  if (topology === undefined && server !== undefined) {
    settings.note(server, 'there is no topology line: subnet is used, as OpenVPN 2.7 does (2.6 and older: net30)');
  } else if (topology !== undefined && !topologies.includes(topology.args[0] as string)) {
    const known = topology.args[0] === 'net30' || topology.args[0] === 'p2p';
    settings.error(
      topology,
      known
        ? `${topology.args[0]} is not supported yet; use subnet`
        : `'${topology.args[0]}' is not a topology; use subnet`,
    );
  }
};

/** Without a number it is 1. */
export const readExitNotify = (settings: Settings): 0 | 1 | 2 =>
  settings.last('explicit-exit-notify')?.args.length === 0
    ? 1
    : (settings.integer('explicit-exit-notify', 0, 0, 2) as 0 | 1 | 2);
