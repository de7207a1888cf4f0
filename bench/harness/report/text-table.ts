import type { ScenarioResult } from '../results.js';
import { numberText, ratioText } from './number-text.js';
import { remarksOf, rowsOf } from './rows.js';

/** The medians of a scenario for the terminal. */
export function textTable(result: ScenarioResult): string {
  const rated = result.sides.filter(({ id }) => result.baseline !== null && id !== result.baseline);
  const head = [
    '',
    'unit',
    ...result.sides.map(({ label }) => label),
    ...rated.map(({ label }) => ratioHead(label, rated.length)),
  ];
  const body = rowsOf(result).map(({ spec, cells }) => [
    spec.label,
    spec.unit,
    ...cells.map((cell) => numberText(cell.median)),
    ...cells
      .filter(({ side }) => rated.some(({ id }) => id === side))
      .map(({ ratio }) => ratioText(ratio ?? Number.NaN)),
  ]);
  const lines = [head, ...body];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const format = (line: readonly string[]): string =>
    line
      .map((text, i) => (i < 2 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  const rule = '-'.repeat(widths.reduce((sum, width) => sum + width + 2, -2));
  return [result.title, format(head), rule, ...body.map(format), ...remarksOf(result)].join('\n');
}

const ratioHead = (label: string, count: number): string => (count === 1 ? 'ratio' : `ratio ${label}`);
