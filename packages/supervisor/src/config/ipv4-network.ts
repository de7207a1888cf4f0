import { formatAddress, parseAddress } from '../registry/ip-address.js';
import type { Entry } from './read.js';
import type { ServerConfig } from './server-config.js';
import type { Settings } from './settings.js';

type Ipv4 = NonNullable<ServerConfig['ipv4']>;

/** What `server`, or `mode server` with `ifconfig` and `ifconfig-pool`, says about the addresses inside the tunnel. */
export const readIpv4 = (settings: Settings): ServerConfig['ipv4'] => {
  checkMode(settings);
  const server = settings.last('server');
  const pool = settings.last('ifconfig-pool');
  const ipv4 = server ? expandServer(settings, server, settings.last('ifconfig')) : readIfconfig(settings, pool);
  if (pool === undefined || ipv4 === null) return ipv4;
  if (ipv4.pool !== null) {
    settings.error(pool, 'server sets a pool already; remove one of the two, or write: server ... nopool');
    return ipv4;
  }
  return { ...ipv4, pool: readPool(settings, pool, ipv4) };
};

/** Length of a netmask; undefined for one with holes. */
export const netmaskBits = (netmask: string): number | undefined => {
  const address = parseAddress(netmask);
  if (address?.family !== 4) return undefined;
  const holes = ALL_ONES ^ address.value;
  return (holes & (holes + 1n)) === 0n ? 32 - holes.toString(2).replace('0', '').length : undefined;
};

/** The 32 bits of a netmask. */
export const netmaskOf = (bits: number): bigint => ALL_ONES ^ ((1n << BigInt(32 - bits)) - 1n);

const ALL_ONES = 0xffff_ffffn;

const checkMode = (settings: Settings): void => {
  const mode = settings.last('mode');
  if (mode !== undefined && mode.args[0] !== 'server') {
    settings.error(mode, `'${mode.args[0]}' is not supported; this is a server: use mode server, or server alone`);
  }
};

/** `server 10.8.0.0 255.255.255.0`: the server has .1, clients .2 up to the address before the broadcast one. */
const expandServer = (settings: Settings, entry: Entry, ifconfig: Entry | undefined): ServerConfig['ipv4'] => {
  if (ifconfig !== undefined)
    settings.warning(ifconfig, 'ignored: server sets the address already; remove one of the two');
  const [networkText = '', netmask = '', word] = entry.args;
  if (word !== undefined && word !== 'nopool')
    settings.error(entry, `'${word}' is not known; the third word can only be nopool`);
  const network = parseAddress(networkText);
  const bits = netmaskBits(netmask);
  if (network?.family !== 4) {
    settings.error(entry, `'${networkText}' is not an IPv4 network; write for example: server 10.8.0.0 255.255.255.0`);
    return null;
  }
  if (bits === undefined || bits < 16 || bits > 29) {
    settings.error(entry, `'${netmask}' is not a netmask from 255.255.0.0 to 255.255.255.248; correct it`);
    return null;
  }
  if ((network.value & netmaskOf(bits)) !== network.value) {
    const right = formatAddress(4, network.value & netmaskOf(bits));
    settings.error(entry, `${networkText} is not the start of a network with netmask ${netmask}; use ${right}`);
    return null;
  }
  const last = network.value | (ALL_ONES ^ netmaskOf(bits));
  const pool = { first: formatAddress(4, network.value + 2n), last: formatAddress(4, last - 1n) };
  const server = formatAddress(4, network.value + 1n);
  return { network: networkText, netmask, bits, server, pool: word === 'nopool' ? null : pool };
};

/** Without `server`: an `ifconfig` line gives address and network. */
const readIfconfig = (settings: Settings, pool: Entry | undefined): ServerConfig['ipv4'] => {
  const ifconfig = settings.last('ifconfig');
  if (ifconfig === undefined) {
    if (pool !== undefined) settings.error(pool, 'the address of the server is missing; add: ifconfig ADDRESS NETMASK');
    return null;
  }
  const [server = '', netmask = ''] = ifconfig.args;
  const address = parseAddress(server);
  const bits = netmaskBits(netmask);
  if (address?.family !== 4 || bits === undefined || bits < 8 || bits > 30) {
    settings.error(ifconfig, `'${server} ${netmask}' is not an IPv4 address and its netmask; correct it`);
    return null;
  }
  const network = formatAddress(4, address.value & netmaskOf(bits));
  return { network, netmask, bits, server, pool: null };
};

const readPool = (settings: Settings, entry: Entry, { network, bits, netmask }: Ipv4): Ipv4['pool'] => {
  const [firstText = '', lastText = '', mask] = entry.args;
  const first = parseAddress(firstText);
  const last = parseAddress(lastText);
  const base = parseAddress(network)?.value ?? 0n;
  const inside = (address: typeof first): boolean =>
    address?.family === 4 && (address.value & netmaskOf(bits)) === base;
  if (first === undefined || last === undefined || !inside(first) || !inside(last)) {
    settings.error(
      entry,
      `${firstText} and ${lastText} are not both in ${network}/${bits}; correct the pool or ifconfig`,
    );
    return null;
  }
  if (first.value > last.value || last.value - first.value >= 65536n) {
    settings.error(entry, `a pool runs from a lower to a higher address and holds at most 65536; correct it`);
    return null;
  }
  if (mask !== undefined && mask !== netmask) {
    settings.error(entry, `the netmask ${mask} differs from the one of ifconfig, ${netmask}; use the same`);
  }
  return { first: firstText, last: lastText };
};
