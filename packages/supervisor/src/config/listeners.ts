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

/** Of two listeners that could both take a packet nobody knows which one would. */
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

type Protocol = 'udp' | 'udp4' | 'udp6' | 'tcp' | 'tcp4' | 'tcp6';

const DEFAULT_PORT = 1194;

const readProtocol = (settings: Settings, entry: Entry | undefined, index: number): Protocol | undefined => {
  const text = entry?.args[index];
  if (entry === undefined || text === undefined) return undefined;
  if (PROTOCOL.test(text)) return text.replace('-server', '') as Protocol;
  settings.error(
    entry,
    /^tcp[46]?-client$/.test(text)
      ? `'${text}' is for clients; use tcp-server`
      : `'${text}' is not a protocol; use udp, udp4, udp6, tcp-server, tcp4-server or tcp6-server`,
  );
  return undefined;
};

const PROTOCOL = /^(udp[46]?|tcp[46]?(-server)?)$/;

/** Without `local`: every address of the machine. A machine without IPv6 is no error unless it was asked for. */
const anyAddress = (protocol: Protocol, port: number, only6: boolean): readonly ListenerConfig[] => {
  const family = familyOf(protocol);
  const transport = transportOf(protocol);
  const ipv4 = { ...transport, family: 4, host: '0.0.0.0', port, optional: family === 6 } as const;
  const ipv6 = { ...transport, family: 6, host: '::', port, optional: family === null } as const;
  if (family === 4) return [ipv4];
  if (family === 6) return only6 ? [ipv6] : [ipv6, ipv4];
  return [ipv4, ipv6];
};

const familyOf = (protocol: Protocol): 4 | 6 | null => (protocol.endsWith('4') ? 4 : protocol.endsWith('6') ? 6 : null);

const transportOf = (protocol: Protocol): { readonly transport?: 'tcp' } =>
  protocol.startsWith('tcp') ? { transport: 'tcp' } : {};

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
  const family = familyOf(protocol);
  if (family !== null && family !== address.family) {
    const plain = protocol.slice(0, 3);
    settings.error(entry, `${host} is an IPv${address.family} address but the protocol is ${protocol}; use ${plain}`);
  }
  return [{ ...transportOf(protocol), family: address.family, host, port, optional: false }];
};

const onlyIpv6 = (settings: Settings): boolean => {
  const bind = settings.last('bind');
  const word = bind?.args[0];
  if (bind !== undefined && word !== undefined && word !== 'ipv6only') {
    settings.error(bind, `'${word}' is not known; use ipv6only`);
  }
  return word === 'ipv6only';
};
