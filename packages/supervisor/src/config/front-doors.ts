import { parseAddress } from '../registry/ip-address.js';
import type { Entry } from './read.js';
import type { ServerConfig } from './server-config.js';
import type { Settings } from './settings.js';

/** `port-share HOST PORT [DIR]` and `proxy-protocol NETWORK...`, which are for TCP listeners. */
export const readFrontDoors = (
  settings: Settings,
  listeners: ServerConfig['listeners'],
): Pick<ServerConfig, 'portShare' | 'proxyProtocol'> => {
  const share = settings.last('port-share');
  const proxies = settings.all('proxy-protocol');
  const hasTcp = listeners.some(({ transport }) => transport === 'tcp');
  for (const entry of share === undefined ? proxies : [share, ...proxies]) {
    if (!hasTcp) settings.error(entry, 'it needs a TCP listener; add: proto tcp-server');
  }
  return {
    portShare: share === undefined ? null : readShare(settings, share),
    proxyProtocol: proxies.flatMap((entry) => entry.args.flatMap((text) => readNetwork(settings, entry, text) ?? [])),
  };
};

const readShare = (settings: Settings, entry: Entry): ServerConfig['portShare'] => {
  const [host = '', , directory] = entry.args;
  if (directory !== undefined)
    settings.note(entry, 'no files are written about proxied connections; the status counts them');
  return { host, port: settings.integerAt(entry, 1, 443, 1, 65535) };
};

const readNetwork = (settings: Settings, entry: Entry, text: string) => {
  const [host = '', length, ...more] = text.split('/');
  const address = parseAddress(host);
  const most = address?.family === 4 ? 32 : 128;
  const bits = length === undefined ? most : /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN;
  if (address === undefined || more.length > 0 || !(bits <= most)) {
    settings.error(entry, `'${text}' is not an address or network; write for example 192.0.2.1 or 10.0.0.0/8`);
    return null;
  }
  return { address: host, bits };
};
