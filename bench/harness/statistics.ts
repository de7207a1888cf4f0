/** The middle value; the mean of the two middle ones of an even number; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = ascending(values);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The smallest value that at least the share `q` (0 to 1) of all values does not exceed; NaN of none. */
export function percentile(values: readonly number[], q: number): number {
  const sorted = ascending(values);
  // The product is a hair above a whole number at times, as 0.07 * 100 is.
  const rank = Math.ceil(q * sorted.length - 1e-9);
  return sorted[Math.min(Math.max(rank, 1), sorted.length) - 1] ?? Number.NaN;
}

/** (largest - smallest) / median: how far runs are apart. */
export function spread(values: readonly number[]): number {
  const sorted = ascending(values);
  return ((sorted.at(-1) ?? Number.NaN) - (sorted[0] ?? Number.NaN)) / median(values);
}

const ascending = (values: readonly number[]): number[] =>
  values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
