import type { MicroResult } from './micro-case.js';

/** The results for people. */
export function microTable(results: readonly MicroResult[]): string {
  const rows = [
    ['', 'typical', 'high'],
    ...results.map(({ name, typical, high }) => [name, time(typical), time(high)]),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const line = ([name = '', ...times]: readonly string[]): string =>
    [name.padEnd(widths[0] ?? 0), ...times.map((text, n) => text.padStart(widths[n + 1] ?? 0))].join('  ');
  return rows.map(line).join('\n');
}

function time(nanoseconds: number): string {
  if (nanoseconds < 1e3) return `${nanoseconds.toPrecision(3)} ns`;
  if (nanoseconds < 1e6) return `${(nanoseconds / 1e3).toPrecision(3)} us`;
  return `${(nanoseconds / 1e6).toPrecision(3)} ms`;
}
