import { VpnError } from '@shardvpn/core';

/** 4 or 6. */
export type Family = 4 | 6;

/**
 * Writes a numeric address into the 16 bytes at `at`; IPv4 takes the first four, the rest becomes zero.
 * The texts come from our own configuration and decoders: what is no address throws `internal/not-an-address`.
 */
export function encodeInet(host: string, bytes: Uint8Array, at: number): Family {
  bytes.fill(0, at, at + 16);
  if (!host.includes(':')) {
    encodeIpv4(host, bytes, at);
    return 4;
  }
  encodeIpv6(host, bytes, at);
  return 6;
}

/** Text of the address at `at`: dotted, or RFC 5952. */
export function decodeInet(family: Family, bytes: Uint8Array, at: number): string {
  if (family === 4) return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[at + 2 * i] ?? 0) << 8) | (bytes[at + 2 * i + 1] ?? 0));
  const gap = longestZeroRun(groups);
  const hex = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  if (gap.length < 2) return hex(groups);
  return `${hex(groups.slice(0, gap.start))}::${hex(groups.slice(gap.start + gap.length))}`;
}

/** Digit by digit: each control packet that is sent has such an address. */
function encodeIpv4(host: string, bytes: Uint8Array, at: number): void {
  let [part, digits, value] = [0, 0, 0];
  for (let i = 0; i <= host.length; i++) {
    const digit = host.charCodeAt(i) - ZERO;
    if (digit >= 0 && digit <= 9) {
      value = 10 * value + digit;
      digits++;
      continue;
    }
    const ends = i === host.length ? part === 3 : part < 3 && host[i] === '.';
    if (!ends || digits < 1 || digits > 3 || value > 255) throw notAnAddress(host);
    bytes[at + part] = value;
    part++;
    value = 0;
    digits = 0;
  }
}

const ZERO = '0'.charCodeAt(0);

function encodeIpv6(host: string, bytes: Uint8Array, at: number): void {
  const halves = withoutDots(host).split('::');
  if (halves.length > 2) throw notAnAddress(host);
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const groups = head ?? [];
  const missing = 8 - groups.length - (tail?.length ?? 0);
  if (tail === undefined ? missing !== 0 : missing < 1) throw notAnAddress(host);
  const all = [...groups, ...Array<string>(missing).fill('0'), ...(tail ?? [])];
  for (const [i, group] of all.entries()) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) throw notAnAddress(host);
    const value = Number.parseInt(group, 16);
    bytes[at + 2 * i] = value >>> 8;
    bytes[at + 2 * i + 1] = value;
  }
}

/** `::ffff:192.0.2.1` with its last part in hexadecimal. */
function withoutDots(host: string): string {
  if (!host.includes('.')) return host;
  const colon = host.lastIndexOf(':');
  const quad = new Uint8Array(4);
  encodeIpv4(host.slice(colon + 1), quad, 0);
  const [a = 0, b = 0, c = 0, d = 0] = quad;
  return `${host.slice(0, colon + 1)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

/** The first of the longest runs of zero groups. */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; ) {
    let end = start;
    while (groups[end] === 0) end++;
    if (end - start > best.length) best = { start, length: end - start };
    start = end + 1;
  }
  return best;
}

const notAnAddress = (host: string): VpnError =>
  new VpnError('internal/not-an-address', `'${host}' is not a numeric address`);
