import type { SideName } from '../results.js';
import { numberText } from './number-text.js';
import type { Row } from './rows.js';
import { element, svgText } from './svg.js';

const WIDTH = 760;
const LABELS = 190;
const VALUES = 90;
const BAR = 16;
const GAP = 14;
const TOP = 8;

/** Horizontal bars from 0: a group for each row, a bar for each side, a dot for each run. The rows share their unit. */
export function barChart(
  rows: readonly Row[],
  sides: readonly SideName[],
  colours: ReadonlyMap<string, string>,
): string {
  const known = rows.flatMap(({ cells }) => cells.flatMap(({ values }) => values)).filter(Number.isFinite);
  const scale = (WIDTH - LABELS - VALUES) / Math.max(...known, Number.MIN_VALUE);
  const groupHeight = sides.length * BAR + GAP;
  const height = TOP + rows.length * groupHeight;
  const groups = rows.map(({ spec, cells }, row) => {
    const top = TOP + row * groupHeight;
    const label = svgText(LABELS - 10, top + (sides.length * BAR) / 2 + 4, spec.label, { 'text-anchor': 'end' });
    const bars = cells.map(({ side, median, values }, i) => {
      const middle = top + i * BAR + BAR / 2;
      if (!Number.isFinite(median)) return svgText(LABELS + 4, middle + 4, '-');
      const width = Math.max(1, median * scale);
      const far = Math.max(...values, median) * scale;
      return [
        element('rect', {
          x: LABELS,
          y: middle - BAR / 2 + 1,
          width,
          height: BAR - 2,
          rx: 2,
          class: colours.get(side) ?? '',
        }),
        ...values.map((value) => element('circle', { cx: LABELS + value * scale, cy: middle, r: 2, class: 'run' })),
        svgText(LABELS + far + 7, middle + 4, numberText(median), { class: 'value' }),
      ].join('');
    });
    return label + bars.join('');
  });
  const axis = element('line', { x1: LABELS, x2: LABELS, y1: 0, y2: height, class: 'axis' });
  return element('svg', { viewBox: `0 0 ${WIDTH} ${height}`, role: 'img' }, ...groups, axis);
}
