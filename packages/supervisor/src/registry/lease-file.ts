import { parseAddress } from './ip-address.js';
import type { RememberedLease } from './leases.js';

/**
 * Text of an `ifconfig-pool-persist` file: `name,ipv4[,ipv6]`, an address that is not there is left out or empty.
 * Names that could not be read back are left out: they only lose their preferred address.
 */
export const encodeLeaseFile = (leases: readonly RememberedLease[]): string =>
  leases
    .filter(({ name }) => name.trim() === name && /^[^#;,\r\n][^,\r\n]*$/.test(name))
    .map(({ name, ipv4, ipv6 }) => `${[name, ipv4 ?? '', ...(ipv6 === null ? [] : [ipv6])].join(',')}\n`)
    .join('');

/** Reads the file; `bad` are the numbers of the lines that mean nothing. */
export const decodeLeaseFile = (text: string): { readonly leases: RememberedLease[]; readonly bad: number[] } => {
  const leases: RememberedLease[] = [];
  const bad: number[] = [];
  text.split(/\r?\n/).forEach((line, i) => {
    if (/^\s*([#;].*)?$/.test(line)) return;
    const lease = decodeLine(line);
    if (lease === undefined) bad.push(i + 1);
    else leases.push(lease);
  });
  return { leases, bad };
};

const decodeLine = (line: string): RememberedLease | undefined => {
  const [name = '', ...addresses] = line.split(',').map((field) => field.trim());
  const texts = addresses.filter((text) => text !== '');
  const ipv4 = texts.find((text) => parseAddress(text)?.family === 4) ?? null;
  const ipv6 = texts.find((text) => parseAddress(text)?.family === 6) ?? null;
  const understood = (ipv4 === null ? 0 : 1) + (ipv6 === null ? 0 : 1);
  return name === '' || understood === 0 || understood !== texts.length || addresses.length > 2
    ? undefined
    : { name, ipv4, ipv6 };
};
