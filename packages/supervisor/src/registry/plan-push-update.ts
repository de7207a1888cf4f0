import { type Lease, parseOptionUpdate, pushOptionFault, UPDATABLE_OPTIONS, VpnError } from '@shardvpn/core';
import { netmaskBits } from '../config/ipv4-network.js';
import { parseIpv6Prefix } from '../config/ipv6-network.js';
import type { ServerConfig } from '../config/server-config.js';
import { parseAddress } from './ip-address.js';

type Networks = Pick<ServerConfig, 'ipv4' | 'ipv6'>;

/** Options for connected clients, and the addresses among them. */
export interface PushUpdatePlan {
  readonly options: readonly string[];
  /** null where that family stays as it is. */
  readonly ipv4: NonNullable<Lease['ipv4']> | null;
  readonly ipv6: NonNullable<Lease['ipv6']> | null;
}

/** Throws `config/push-update` with a line for every option that is wrong. */
export const planPushUpdate = (options: readonly string[], networks: Networks): PushUpdatePlan => {
  const faults = options.flatMap((text) => {
    const fault = optionFault(text, networks);
    return fault === null ? [] : [`'${text}': ${fault}`];
  });
  if (options.length === 0) faults.push('there are no options');
  if (faults.length > 0) throw new VpnError('config/push-update', faults.join('\n'));
  const parsed = options.flatMap((text) => parseOptionUpdate(text) ?? []);
  const last = (name: string): readonly string[] | undefined =>
    parsed.findLast((update) => update.name === name && !update.removes)?.option.split(/\s+/);
  const [, address, netmask] = last('ifconfig') ?? [];
  const [, prefix, gateway] = last('ifconfig-ipv6') ?? [];
  const ipv6 = prefix === undefined ? undefined : parseIpv6Prefix(prefix);
  const [own = ''] = prefix?.split('/') ?? [];
  return {
    options: options.map((text) => text.trim()),
    ipv4: address === undefined || netmask === undefined ? null : { address, netmask },
    ipv6:
      ipv6 === undefined ? null : { address: own, bits: ipv6.bits, gateway: gateway ?? networks.ipv6?.server ?? '' },
  };
};

/** Why the option cannot be pushed to a connected client, and what to do; null when it can. */
const optionFault = (text: string, networks: Networks): string | null => {
  const bad = pushOptionFault(text);
  if (bad !== null) return bad;
  const update = parseOptionUpdate(text);
  if (update === null) return "write 'name arguments', '-name' to remove, '?name arguments' or '-?name' for optional";
  const { name, removes, option } = update;
  if (!UPDATABLE_OPTIONS.includes(name))
    return `${name} needs a new connection; these can be updated: ${UPDATABLE_OPTIONS.join(', ')}`;
  const words = option.split(/\s+/).slice(1);
  if (!removes) return argumentFault(name, words, networks);
  if (words.length > 0) return 'what is removed has no arguments: all options of that name go';
  if (name === 'keepalive') return 'a client has to show that it is there; give it other times';
  return name.startsWith('ifconfig') ? 'a client needs its address; give it another one' : null;
};

const argumentFault = (name: string, words: readonly string[], networks: Networks): string | null => {
  const [first = '', second = ''] = words;
  switch (name) {
    case 'route':
      return isRoute(words) ? null : 'write: route NETWORK [NETMASK [GATEWAY [METRIC]]]';
    case 'route-ipv6':
      return parseIpv6Prefix(first) === undefined ? 'write: route-ipv6 NETWORK/BITS [GATEWAY [METRIC]]' : null;
    case 'ifconfig':
      return ifconfigFault(first, second, networks.ipv4);
    case 'ifconfig-ipv6':
      return ifconfigIpv6Fault(first, second, networks.ipv6);
    case 'tun-mtu':
      return isNumber(first, 576, 65_535) ? null : 'write a number from 576 to 65535';
    case 'route-metric':
      return isNumber(first, 0, 0xffff_ffff) ? null : 'write a number';
    case 'keepalive':
      return isNumber(first, 1, 65_535) && isNumber(second, Number(first), 65_535)
        ? null
        : 'write: keepalive INTERVAL TIMEOUT, in seconds';
    case 'topology':
      return ['subnet', 'net30', 'p2p'].includes(first) ? null : 'write subnet, net30 or p2p';
    case 'dhcp-option':
    case 'dns':
    case 'route-gateway':
      return first === '' ? 'its arguments are missing' : null;
    default:
      return null;
  }
};

const isRoute = ([network = '', netmask = 'default']: readonly string[]): boolean =>
  (parseAddress(network)?.family === 4 || ROUTE_WORDS.includes(network)) &&
  (netmask === 'default' || netmaskBits(netmask) !== undefined);

const ROUTE_WORDS = ['vpn_gateway', 'net_gateway', 'remote_host'];

const ifconfigFault = (address: string, netmask: string, network: ServerConfig['ipv4']): string | null => {
  if (network === null) return 'the server has no IPv4 network';
  const own = parseAddress(address);
  if (own?.family !== 4 || netmaskBits(netmask) === undefined) return `write: ifconfig ADDRESS ${network.netmask}`;
  const first = parseAddress(network.network)?.value ?? 0n;
  const last = first + (1n << BigInt(32 - network.bits)) - 1n;
  if (own.value <= first || own.value >= last || address === network.server)
    return `the address has to be one of a client in ${network.network}/${network.bits}`;
  return netmask === network.netmask ? null : `the netmask of the network is ${network.netmask}`;
};

const ifconfigIpv6Fault = (prefix: string, gateway: string, network: ServerConfig['ipv6']): string | null => {
  if (network === null) return 'the server has no IPv6 network';
  const [text = ''] = prefix.split('/');
  const own = parseAddress(text);
  if (own?.family !== 6 || parseIpv6Prefix(prefix) === undefined || parseAddress(gateway)?.family !== 6)
    return `write: ifconfig-ipv6 ADDRESS/${network.bits} ${network.server}`;
  const first = parseAddress(network.network)?.value ?? 0n;
  const outside = own.value <= first || own.value >= first + (1n << BigInt(128 - network.bits));
  return outside || own.value === parseAddress(network.server)?.value
    ? `the address has to be one of a client in ${network.network}/${network.bits}`
    : null;
};

const isNumber = (text: string, min: number, max: number): boolean =>
  /^\d{1,10}$/.test(text) && Number(text) >= min && Number(text) <= max;
