import { formatAddress, parseAddress } from '../registry/ip-address.js';
import { netmaskBits, netmaskOf } from './ipv4-network.js';
import { ipv6NetworkOf, parseIpv6Prefix } from './ipv6-network.js';
import type { Entry } from './read.js';
import type { ServerConfig } from './server-config.js';
import type { Settings } from './settings.js';

type Route = ServerConfig['routes'][number];

/** What `route` and `route-ipv6` add to the kernel's table: networks that lie behind clients. */
export const readRoutes = (settings: Settings): readonly Route[] => {
  const metric = settings.last('route-metric');
  const common = metric === undefined ? null : settings.integerAt(metric, 0, 0, 0, 0xffff_ffff);
  const ipv4 = settings.all('route').map((entry) => readIpv4Route(settings, entry, common));
  const ipv6 = settings.all('route-ipv6').map((entry) => readIpv6Route(settings, entry, common));
  return [...ipv4, ...ipv6].filter((route) => route !== null);
};

const readIpv4Route = (settings: Settings, entry: Entry, commonMetric: number | null): Route | null => {
  const [networkText = ''] = entry.args;
  const netmask = word(entry, 1) ?? '255.255.255.255';
  const network = parseAddress(networkText);
  const bits = netmaskBits(netmask);
  if (networkText === 'vpn_gateway' || networkText === 'net_gateway' || networkText === 'remote_host') {
    settings.error(entry, `${networkText} is not supported as a destination; give a network`);
    return null;
  }
  if (network?.family !== 4) {
    settings.error(entry, `'${networkText}' is not an IPv4 network; names are not looked up, give the number`);
    return null;
  }
  if (bits === undefined) {
    settings.error(entry, `'${netmask}' is not a netmask; write for example: route 192.168.1.0 255.255.255.0`);
    return null;
  }
  const start = network.value & netmaskOf(bits);
  if (start !== network.value) {
    settings.error(
      entry,
      `${networkText} is not the start of a network with netmask ${netmask}; use ${formatAddress(4, start)}`,
    );
    return null;
  }
  return finish(settings, entry, `${formatAddress(4, start)}/${bits}`, 4, word(entry, 2), 3, commonMetric);
};

const readIpv6Route = (settings: Settings, entry: Entry, commonMetric: number | null): Route | null => {
  const [text = ''] = entry.args;
  const prefix = parseIpv6Prefix(text);
  if (prefix === undefined) {
    settings.error(entry, `'${text}' is not an IPv6 network; write for example: route-ipv6 fd00:2::/64`);
    return null;
  }
  const destination = `${formatAddress(6, ipv6NetworkOf(prefix))}/${prefix.bits}`;
  if (ipv6NetworkOf(prefix) !== prefix.value) {
    settings.error(entry, `'${text}' is not the start of a network; use ${destination}`);
    return null;
  }
  return finish(settings, entry, destination, 6, word(entry, 1), 2, commonMetric);
};

const finish = (
  settings: Settings,
  entry: Entry,
  destination: string,
  family: 4 | 6,
  gateway: string | undefined,
  metricIndex: number,
  commonMetric: number | null,
): Route | null => {
  const given = word(entry, metricIndex) !== undefined;
  const metric = given ? settings.integerAt(entry, metricIndex, 0, 0, 0xffff_ffff) : commonMetric;
  if (gateway === undefined || gateway === 'vpn_gateway') return { destination, via: null, metric };
  if (gateway === 'net_gateway' || gateway === 'remote_host') {
    settings.error(entry, `${gateway} is not supported: the server's routes lead into the tunnel; remove the word`);
    return null;
  }
  if (parseAddress(gateway)?.family !== family) {
    settings.error(entry, `'${gateway}' is not an IPv${family} gateway; use vpn_gateway or an address`);
    return null;
  }
  return { destination, via: gateway, metric };
};

/** An argument that is blank or `default` counts as not given. */
const word = (entry: Entry, index: number): string | undefined => {
  const text = entry.args[index];
  return text === '' || text === 'default' ? undefined : text;
};
