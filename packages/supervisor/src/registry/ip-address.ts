/** Numeric text of an address to its number; undefined for anything that is not one. Zone ids are refused. */
export const parseAddress = (text: string): { readonly family: 4 | 6; readonly value: bigint } | undefined => {
  const value = text.includes(':') ? parseIpv6(text) : parseIpv4(text);
  return value === undefined ? undefined : { family: text.includes(':') ? 6 : 4, value };
};

/** Number of an address to its text: dotted, or RFC 5952. */
export const formatAddress = (family: 4 | 6, value: bigint): string =>
  family === 4 ? formatIpv4(value) : formatIpv6(value);

const parseIpv4 = (text: string): bigint | undefined => {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined;
  return parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n);
};

const formatIpv4 = (value: bigint): string => [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');

const parseIpv6 = (text: string): bigint | undefined => {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(hexGroups);
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array<bigint>(missing).fill(0n), ...(tail ?? [])];
  return groups.reduce((value, group) => (value << 16n) | group, 0n);
};

/** Groups of one side of `::`; a dotted IPv4 ending counts as two. */
const hexGroups = (text: string): bigint[] | undefined => {
  if (text === '') return [];
  const words = text.split(':');
  const dotted = words.at(-1)?.includes('.') ? parseIpv4(words.pop() as string) : null;
  if (dotted === undefined || !words.every((word) => /^[0-9a-f]{1,4}$/i.test(word))) return undefined;
  const groups = words.map((word) => BigInt(`0x${word}`));
  return dotted === null ? groups : [...groups, dotted >> 16n, dotted & 0xffffn];
};

const formatIpv6 = (value: bigint): string => {
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  const zeros = longestZeroRun(groups);
  if (zeros.length < 2) return groups.join(':');
  return `${groups.slice(0, zeros.start).join(':')}::${groups.slice(zeros.start + zeros.length).join(':')}`;
};

const longestZeroRun = (groups: readonly string[]): { start: number; length: number } => {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start += 1) {
    let length = 0;
    while (groups[start + length] === '0') length += 1;
    if (length > best.length) best = { start, length };
  }
  return best;
};
