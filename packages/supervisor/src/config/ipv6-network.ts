import { formatAddress, parseAddress } from '../registry/ip-address.js';
import type { Entry } from './read.js';
import type { ServerConfig } from './server-config.js';
import type { Settings } from './settings.js';

type Ipv6 = NonNullable<ServerConfig['ipv6']>;

/** What `server-ipv6`, or `ifconfig-ipv6` with `ifconfig-ipv6-pool`, says about IPv6 inside the tunnel. */
export const readIpv6 = (settings: Settings): ServerConfig['ipv6'] => {
  const server = settings.last('server-ipv6');
  const pool = settings.last('ifconfig-ipv6-pool');
  if (server !== undefined) {
    if (pool !== undefined) settings.error(pool, 'server-ipv6 sets a pool already; remove one of the two');
    return expandServer(settings, server);
  }
  const ifconfig = settings.last('ifconfig-ipv6');
  if (ifconfig === undefined) {
    if (pool !== undefined)
      settings.error(pool, 'the address of the server is missing; add: ifconfig-ipv6 ADDRESS/BITS');
    return null;
  }
  return readParts(settings, ifconfig, pool);
};

export interface Ipv6Prefix {
  readonly value: bigint;
  readonly bits: number;
}

/** `fd00::/64`, as written: host bits are kept. */
export const parseIpv6Prefix = (text: string): Ipv6Prefix | undefined => {
  const [, host = '', length = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const address = parseAddress(host);
  const bits = Number(length);
  return address?.family === 6 && bits <= 128 ? { value: address.value, bits } : undefined;
};

/** Start of the network that the prefix lies in. */
export const ipv6NetworkOf = ({ value, bits }: Ipv6Prefix): bigint =>
  (value >> BigInt(128 - bits)) << BigInt(128 - bits);

/** The server has ::1; the pool starts at ::1000, or ::2 where the network is too small for that. */
const expandServer = (settings: Settings, entry: Entry): ServerConfig['ipv6'] => {
  const prefix = readNetwork(settings, entry);
  if (prefix === undefined) return null;
  const word = entry.args[1];
  if (word !== undefined && word !== 'nopool')
    settings.error(entry, `'${word}' is not known; the second word can only be nopool`);
  const base = ipv6NetworkOf(prefix);
  const pool = poolFrom(base + (prefix.bits < 112 ? 0x1000n : 2n), prefix);
  return {
    network: formatAddress(6, base),
    bits: prefix.bits,
    server: formatAddress(6, base + 1n),
    pool: word === 'nopool' ? null : pool,
  };
};

const readParts = (settings: Settings, ifconfig: Entry, pool: Entry | undefined): ServerConfig['ipv6'] => {
  const text = ifconfig.args[0] as string;
  const own = parseIpv6Prefix(text);
  if (own === undefined || own.bits < 64 || own.bits > 124) {
    settings.error(ifconfig, `'${text}' is not an IPv6 address with 64 to 124 bits; write for example fd00:1::1/64`);
    return null;
  }
  const base = ipv6NetworkOf(own);
  const ipv6: Ipv6 = {
    network: formatAddress(6, base),
    bits: own.bits,
    server: formatAddress(6, own.value),
    pool: null,
  };
  if (pool === undefined) return ipv6;
  const start = readNetwork(settings, pool, true);
  if (start === undefined) return ipv6;
  if (start.bits !== own.bits || ipv6NetworkOf(start) !== base) {
    settings.error(
      pool,
      `the pool is not in ${ipv6.network}/${own.bits}, the network of ifconfig-ipv6; correct one of them`,
    );
    return ipv6;
  }
  const first = start.value === base ? base + (start.bits < 112 ? 0x1000n : 2n) : start.value;
  return { ...ipv6, pool: poolFrom(first, start) };
};

const readNetwork = (settings: Settings, entry: Entry, hostBitsAllowed = false): Ipv6Prefix | undefined => {
  const text = entry.args[0] as string;
  const prefix = parseIpv6Prefix(text);
  if (prefix === undefined || prefix.bits < 64 || prefix.bits > 124) {
    settings.error(entry, `'${text}' is not an IPv6 network with 64 to 124 bits; write for example fd00:1::/64`);
    return undefined;
  }
  if (!hostBitsAllowed && ipv6NetworkOf(prefix) !== prefix.value) {
    const right = `${formatAddress(6, ipv6NetworkOf(prefix))}/${prefix.bits}`;
    settings.error(entry, `'${text}' is not the start of a network; use ${right}`);
    return undefined;
  }
  return prefix;
};

const MAX_POOL = 65536n;

const poolFrom = (first: bigint, prefix: Ipv6Prefix): Ipv6['pool'] => {
  const end = ipv6NetworkOf(prefix) + (1n << BigInt(128 - prefix.bits));
  const room = end - first;
  return { first: formatAddress(6, first), size: Number(room < MAX_POOL ? room : MAX_POOL) };
};
