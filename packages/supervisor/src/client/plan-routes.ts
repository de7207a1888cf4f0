import { netmaskBits, netmaskOf } from '../config/ipv4-network.js';
import { ipv6NetworkOf, parseIpv6Prefix } from '../config/ipv6-network.js';
import { formatAddress, parseAddress } from '../registry/ip-address.js';
import type { PlannedRoute, TunnelSurroundings } from './planned.js';
import { isAddress, lastOption, type SplitOption } from './pushed-words.js';

/** The routes of `route`, `route-ipv6` and `redirect-gateway`. */
export const planRoutes = (
  options: readonly SplitOption[],
  around: TunnelSurroundings,
  remarks: string[],
): readonly PlannedRoute[] => {
  const defaultMetric = numberOf(lastOption(options, 'route-metric')?.args[0]);
  const single = options.flatMap((option) => {
    if (option.name !== 'route' && option.name !== 'route-ipv6') return [];
    const route = option.name === 'route' ? readRoute(option, around) : readRouteIpv6(option, around);
    if (route === null) remarks.push(`not understood: ${option.text}`);
    return route === null ? [] : [{ ...route, metric: route.metric ?? defaultMetric }];
  });
  return [...planRedirect(options, around, remarks), ...single];
};

/**
 * All traffic into the tunnel, by two routes that are more specific than the default one, which stays as it is;
 * the way to the server itself leads around them. Without `def1` the same is done: nothing has to be put back then.
 */
const planRedirect = (
  options: readonly SplitOption[],
  { server, wayToServer }: TunnelSurroundings,
  remarks: string[],
): readonly PlannedRoute[] => {
  const redirect = options.filter(({ name }) => name === 'redirect-gateway');
  const lines = options.filter(({ name }) => name === 'redirect-gateway' || name === 'redirect-private');
  if (lines.length === 0) return [];
  const flags = new Set(lines.flatMap(({ args }) => args));
  const routes = [
    ...(redirect.length > 0 && !flags.has('!ipv4') ? ALL_IPV4 : []),
    ...(redirect.length > 0 && flags.has('ipv6') ? ALL_IPV6 : []),
  ].map(intoTunnel);
  if (flags.has('local') || wayToServer?.device === 'lo') return routes;
  if (wayToServer === null) {
    remarks.push('the way to the server is not known, so nothing keeps its packets out of the tunnel');
    return routes;
  }
  const destination = `${server}/${server.includes(':') ? 128 : 32}`;
  return [{ destination, ...wayToServer, metric: null }, ...routes];
};

const ALL_IPV4 = ['0.0.0.0/1', '128.0.0.0/1'];
/** compat: what OpenVPN takes for the whole of IPv6. */
const ALL_IPV6 = ['::/3', '2000::/4', '3000::/4', 'fc00::/7'];

const intoTunnel = (destination: string): PlannedRoute => ({ destination, via: null, metric: null, device: null });

/** `route NETWORK [NETMASK [GATEWAY [METRIC]]]` */
const readRoute = ({ args }: SplitOption, around: TunnelSurroundings): PlannedRoute | null => {
  const [named, netmask = 'default', gateway = 'default', metric] = args;
  const network = named === 'remote_host' ? around.server : named;
  const bits = netmask === 'default' ? 32 : netmaskBits(netmask);
  const address = network === undefined ? undefined : parseAddress(network);
  if (address?.family !== 4 || bits === undefined) return null;
  return through(`${formatAddress(4, address.value & netmaskOf(bits))}/${bits}`, 4, gateway, metric, around);
};

/** `route-ipv6 NETWORK/BITS [GATEWAY [METRIC]]` */
const readRouteIpv6 = ({ args }: SplitOption, around: TunnelSurroundings): PlannedRoute | null => {
  const [network = '', gateway = 'default', metric] = args;
  const prefix = parseIpv6Prefix(network.includes('/') ? network : `${network}/128`);
  if (prefix === undefined) return null;
  return through(`${formatAddress(6, ipv6NetworkOf(prefix))}/${prefix.bits}`, 6, gateway, metric, around);
};

/** The gateway of the tunnel needs no name: there is nobody else on the link. */
const through = (
  destination: string,
  family: 4 | 6,
  gateway: string,
  metricText: string | undefined,
  { wayToServer }: TunnelSurroundings,
): PlannedRoute | null => {
  const metric = numberOf(metricText);
  if (gateway === 'default' || gateway === 'vpn_gateway') return { ...intoTunnel(destination), metric };
  if (gateway === 'net_gateway') return wayToServer === null ? null : { destination, ...wayToServer, metric };
  return isAddress(gateway, family) ? { ...intoTunnel(destination), metric } : null;
};

const numberOf = (text: string | undefined): number | null =>
  text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : null;
