import { readFileSync } from 'node:fs';
import type { PullFilter } from '@shardvpn/core';
import { checkFragment, readLayers } from '../config/compression.js';
import { readDataCiphers } from '../config/data-ciphers.js';
import { readLimits } from '../config/limits.js';
import { type ConfigSource, inReadingOrder, readDevice, readExitNotify, sourceName } from '../config/load-config.js';
import { readMssfix } from '../config/mssfix.js';
import { type Problem, ProblemList } from '../config/problem.js';
import { readProcessSettings } from '../config/process-settings.js';
import { type ReadOptions, readArguments, readText } from '../config/read.js';
import { Settings } from '../config/settings.js';
import { readSocketSettings } from '../config/socket-settings.js';
import { readClientWrap } from '../config/wrapping.js';
import type { ClientProfile } from './profile.js';
import { CLIENT_DIRECTIVES } from './profile-directives.js';
import { readIdentity } from './read-identity.js';
import { readRemotes } from './read-remotes.js';

export interface LoadedProfile {
  /** Null when there is an error among the problems. */
  readonly profile: ClientProfile | null;
  /** Errors, warnings and notes, by file and line. */
  readonly problems: readonly Problem[];
}

/** Reads and checks a client's profile with all its files. Never throws: everything that is wrong is in `problems`. */
export const loadProfile = (
  source: ConfigSource,
  base = process.cwd(),
  now = new Date(),
  random = Math.random,
): LoadedProfile => {
  const problems = new ProblemList();
  const options: ReadOptions = { base, readText: (path) => readFileSync(path, 'utf8'), problems };
  const read =
    'text' in source ? readText(source.text, source.name, options) : readArguments(source.arguments, options);
  const settings = new Settings(read, sourceName(source, read), problems, CLIENT_DIRECTIVES);
  // What stands in a file that cannot be read is not missing.
  const unread = problems.errors.some(({ directive }) => directive === 'config');
  const profile = unread ? null : interpret(settings, now, random);
  return { profile: problems.errors.length > 0 ? null : profile, problems: inReadingOrder(problems.all) };
};

const interpret = (settings: Settings, now: Date, random: () => number): ClientProfile => {
  if (!settings.has('client') && !(settings.has('tls-client') && settings.has('pull'))) {
    settings.missing('client', 'missing: this is no profile of a client; add: client');
  }
  const ciphers = readDataCiphers(settings);
  const tunMtu = settings.integer('tun-mtu', 1500, 100, 9000);
  const layers = readLayers(settings, 'client');
  const remotes = readRemotes(settings, random);
  checkFragment(settings, remotes.remotes);
  const { verb, log, writepid, user, group } = readProcessSettings(settings);
  return {
    source: settings.source,
    ...remotes,
    sndbuf: settings.integer('sndbuf', 0, 0, MAX_BUFFER),
    rcvbuf: settings.integer('rcvbuf', 0, 0, MAX_BUFFER),
    device: readDevice(settings, ['subnet', 'net30', 'p2p']),
    tunMtu,
    tunMtuMax: Math.max(tunMtu, settings.integer('tun-mtu-max', 1600, 68, 65_535)),
    ...readMssfix(settings, tunMtu, layers),
    layers,
    ...readIdentity(settings, now),
    wrap: readClientWrap(settings, ciphers.auth),
    ...ciphers,
    ...readTimes(settings),
    ...readLimits(settings),
    ...readSocketSettings(settings),
    exitNotify: settings.has('explicit-exit-notify') && readExitNotify(settings) > 0,
    persistTun: settings.has('persist-tun'),
    pullFilters: readPullFilters(settings),
    routeNopull: settings.has('route-nopull'),
    ownOptions: OWN_OPTIONS.flatMap((name) => settings.all(name).map(({ args }) => [name, ...args].join(' '))),
    ...{ verb, log, writepid, user, group },
  };
};

const MAX_BUFFER = 0x3fff_ffff;
const MAX_SECONDS = 2_000_000;

/** Options that the server may push and a profile may hold as well. */
const OWN_OPTIONS = ['topology', 'route-metric', 'route', 'route-ipv6', 'redirect-gateway', 'redirect-private'];

/** compat: a client that pulls notices a dead server after 120 s even if neither side says so. */
const DEFAULT_PING_RESTART = 120;

type Times = Pick<
  ClientProfile,
  'renegSec' | 'handWindow' | 'tranWindow' | 'connectTimeout' | 'pingInterval' | 'pingTimeout' | 'pingExits'
>;

const readTimes = (settings: Settings): Times => {
  const keepalive = settings.last('keepalive');
  const silence = settings.last('ping-restart', 'ping-exit');
  const timeout = settings.last('connect-timeout', 'server-poll-timeout');
  return {
    renegSec: settings.integer('reneg-sec', 3600, 0, MAX_SECONDS),
    handWindow: settings.integer('hand-window', 60, 1, MAX_SECONDS),
    tranWindow: settings.integer('tran-window', 3600, 0, MAX_SECONDS),
    connectTimeout: timeout === undefined ? 120 : settings.integerAt(timeout, 0, 120, 1, MAX_SECONDS),
    pingInterval:
      keepalive === undefined
        ? settings.integer('ping', 0, 0, MAX_SECONDS)
        : settings.integerAt(keepalive, 0, 10, 1, MAX_SECONDS),
    pingTimeout:
      keepalive === undefined
        ? silence === undefined
          ? DEFAULT_PING_RESTART
          : settings.integerAt(silence, 0, DEFAULT_PING_RESTART, 0, MAX_SECONDS)
        : settings.integerAt(keepalive, 1, 60, 1, MAX_SECONDS),
    pingExits: keepalive === undefined && silence?.name === 'ping-exit',
  };
};

const readPullFilters = (settings: Settings): readonly PullFilter[] =>
  settings.all('pull-filter').flatMap((entry): readonly PullFilter[] => {
    const [action, start = ''] = entry.args;
    if (action === 'accept' || action === 'ignore' || action === 'reject') return [{ action, start }];
    settings.error(entry, `'${action}' is not known; use accept, ignore or reject`);
    return [];
  });
