import { parseAddress } from '../registry/ip-address.js';
import { isSame, overlap } from './plan-listeners.js';
import type { Entry } from './read.js';
import type { ListenerConfig } from './server-config.js';
import type { Settings } from './settings.js';

/** What `local`, `port`, `proto` and `bind` say about the sockets. */
export const readListeners = (settings: Settings): readonly ListenerConfig[] => {
  const protocol = readProtocol(settings, settings.last('proto'), 0) ?? 'udp';
  const portEntry = settings.last('port', 'lport');
  const port = portEntry === undefined ? DEFAULT_PORT : settings.integerAt(portEntry, 0, DEFAULT_PORT, 1, 65535);
  const locals = settings.all('local');
  if (locals.length === 0) return anyAddress(protocol, port, onlyIpv6(settings));
  const listeners: ListenerConfig[] = [];
  for (const local of locals) {
    for (const listener of readLocal(settings, local, protocol, port))
      addListener(settings, local, listener, listeners);
  }
  return listeners;
};

/** Of two listeners that could both take a datagram nobody knows which one would. */
const addListener = (settings: Settings, entry: Entry, added: ListenerConfig, all: ListenerConfig[]): void => {
  const other = all.find((listener) => overlap(listener, added));
  if (other === undefined) all.push(added);
  else if (isSame(other, added))
    settings.error(entry, `${added.host} port ${added.port} is there twice; remove one of them`);
  else
    settings.error(
      entry,
      `'local ${other.host}' and 'local ${added.host}' overlap on port ${added.port}; give them different ports, or name every address`,
    );
};

type Protocol = 'udp' | 'udp4' | 'udp6';

const DEFAULT_PORT = 1194;

const readProtocol = (settings: Settings, entry: Entry | undefined, index: number): Protocol | undefined => {
  const text = entry?.args[index];
  if (entry === undefined || text === undefined) return undefined;
  if (text === 'udp' || text === 'udp4' || text === 'udp6') return text;
  const tcp = /^tcp[46]?(-server|-client)?$/.test(text);
  settings.error(
    entry,
    tcp ? 'TCP is not supported yet; use udp' : `'${text}' is not a protocol; use udp, udp4 or udp6`,
  );
  return undefined;
};

/** Without `local`: every address of the machine. A machine without IPv6 is no error unless it was asked for. */
const anyAddress = (protocol: Protocol, port: number, only6: boolean): readonly ListenerConfig[] => {
  const ipv4 = { family: 4, host: '0.0.0.0', port, optional: protocol === 'udp6' } as const;
  const ipv6 = { family: 6, host: '::', port, optional: protocol === 'udp' } as const;
  if (protocol === 'udp4') return [ipv4];
  if (protocol === 'udp6') return only6 ? [ipv6] : [ipv6, ipv4];
  return [ipv4, ipv6];
};

const readLocal = (
  settings: Settings,
  entry: Entry,
  common: Protocol,
  commonPort: number,
): readonly ListenerConfig[] => {
  const host = entry.args[0] as string;
  const port = settings.integerAt(entry, 1, commonPort, 1, 65535);
  const protocol = readProtocol(settings, entry, 2) ?? common;
  if (host === '*') return anyAddress(protocol, port, onlyIpv6(settings));
  const address = parseAddress(host);
  if (address === undefined) {
    settings.error(entry, `'${host}' is not an IP address; names are not looked up, give the number`);
    return [];
  }
  if (protocol !== 'udp' && protocol !== `udp${address.family}`) {
    settings.error(entry, `${host} is an IPv${address.family} address but the protocol is ${protocol}; use udp`);
  }
  return [{ family: address.family, host, port, optional: false }];
};

const onlyIpv6 = (settings: Settings): boolean => {
  const bind = settings.last('bind');
  const word = bind?.args[0];
  if (bind !== undefined && word !== undefined && word !== 'ipv6only') {
    settings.error(bind, `'${word}' is not known; use ipv6only`);
  }
  return word === 'ipv6only';
};
