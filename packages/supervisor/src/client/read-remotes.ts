import type { Entry } from '../config/read.js';
import type { Settings } from '../config/settings.js';
import type { ClientProfile, Remote } from './profile.js';

type RemoteSettings = Pick<
  ClientProfile,
  'remotes' | 'resolveRetry' | 'localHost' | 'localPort' | 'connectRetry' | 'connectRetryMax'
>;

/** What `remote`, `port`, `proto` and their like say about where to connect to. `random` shuffles for `remote-random`. */
export const readRemotes = (settings: Settings, random: () => number): RemoteSettings => {
  const proto = settings.last('proto');
  const common = proto === undefined ? ANY_UDP : readProtocol(settings, proto, proto.args[0] as string);
  const portEntry = settings.last('port', 'rport');
  const port = portEntry === undefined ? DEFAULT_PORT : settings.integerAt(portEntry, 0, DEFAULT_PORT, 1, 65535);
  const remotes = settings.all('remote').map((entry) => readRemote(settings, entry, port, common));
  if (remotes.length === 0)
    settings.missing('remote', 'missing: the server; add for example: remote vpn.example.org 1194');
  const retry = settings.last('connect-retry');
  const first = retry === undefined ? 1 : settings.integerAt(retry, 0, 1, 1, MAX_SECONDS);
  return {
    remotes: settings.has('remote-random') ? shuffled(remotes, random) : remotes,
    resolveRetry: readResolveRetry(settings),
    localHost: settings.text('local') ?? null,
    localPort: readLocalPort(settings),
    connectRetry: { first, longest: retry === undefined ? 300 : settings.integerAt(retry, 1, 300, first, MAX_SECONDS) },
    connectRetryMax: settings.has('connect-retry-max') ? settings.integer('connect-retry-max', 1, 1, 1_000_000) : null,
  };
};

const DEFAULT_PORT = 1194;
const MAX_SECONDS = 2_000_000;

type Protocol = Pick<Remote, 'family' | 'transport'>;

const ANY_UDP: Protocol = { family: null };

const readRemote = (settings: Settings, entry: Entry, commonPort: number, common: Protocol): Remote => {
  const [host = '', , proto] = entry.args;
  const port = settings.integerAt(entry, 1, commonPort, 1, 65535);
  return { host, port, ...(proto === undefined ? common : readProtocol(settings, entry, proto)) };
};

const readProtocol = (settings: Settings, entry: Entry, text: string): Protocol => {
  const [, transport, family] = PROTOCOL.exec(text) ?? [];
  if (transport === undefined) {
    settings.error(entry, `'${text}' is not a protocol of clients; use udp, udp4, udp6, tcp, tcp4 or tcp6`);
  }
  return {
    family: family === '4' ? 4 : family === '6' ? 6 : null,
    ...(transport === 'tcp' && { transport }),
  };
};

const PROTOCOL = /^(?=udp[46]?$|tcp[46]?(?:-client)?$)(udp|tcp)([46]?)/;

/** compat: without `nobind` and `lport` OpenVPN sends from port 1194; any port does as well and never collides. */
const readLocalPort = (settings: Settings): number => {
  const lport = settings.last('lport');
  if (lport === undefined) return 0;
  if (settings.has('nobind')) settings.error(lport, 'nobind is there as well; remove one of the two');
  return settings.integerAt(lport, 0, 0, 0, 65535);
};

const readResolveRetry = (settings: Settings): number | null =>
  settings.text('resolv-retry') === 'infinite' || !settings.has('resolv-retry')
    ? null
    : settings.integer('resolv-retry', 0, 0, MAX_SECONDS);

/** Fisher and Yates. */
const shuffled = <T>(items: readonly T[], random: () => number): readonly T[] => {
  const all = [...items];
  for (let last = all.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [all[last], all[other]] = [all[other] as T, all[last] as T];
  }
  return all;
};
