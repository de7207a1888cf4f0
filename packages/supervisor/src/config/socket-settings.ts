import type { ServerConfig } from './server-config.js';
import type { Settings } from './settings.js';

export type SocketSettings = Pick<ServerConfig, 'socket' | 'passtos'>;

/** What `mark`, `bind-dev`, `mtu-disc` and `passtos` say about the sockets, of a server or a client. */
export const readSocketSettings = (settings: Settings): SocketSettings => ({
  socket: {
    mark: settings.integer('mark', 0, 0, 0xffff_ffff),
    device: readDeviceName(settings),
    mtuDiscovery: readMtuDiscovery(settings),
  },
  passtos: settings.has('passtos'),
});

export const readMultihome = (settings: Settings): ServerConfig['multihome'] => {
  const entry = settings.last('multihome');
  if (entry === undefined) return null;
  const [word] = entry.args;
  if (word !== undefined && word !== 'same-interface')
    settings.error(entry, `'${word}' is not known; write: multihome, or multihome same-interface`);
  return { sameInterface: word === 'same-interface' };
};

const readDeviceName = (settings: Settings): string | null => {
  const entry = settings.last('bind-dev');
  const name = entry?.args[0] ?? null;
  if (entry !== undefined && name !== null && !/^[^\s/]{1,15}$/.test(name))
    settings.error(entry, `'${name}' cannot be the name of a device; use up to 15 characters`);
  return name;
};

const readMtuDiscovery = (settings: Settings): ServerConfig['socket']['mtuDiscovery'] => {
  const entry = settings.last('mtu-disc');
  const word = entry?.args[0];
  if (entry === undefined || word === undefined) return null;
  if (word === 'yes' || word === 'maybe' || word === 'no') return word;
  settings.error(entry, `'${word}' is not known; use yes, maybe or no`);
  return null;
};
