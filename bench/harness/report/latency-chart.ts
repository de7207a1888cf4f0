import { percentile } from '../statistics.js';
import { numberText } from './number-text.js';
import { element, svgText } from './svg.js';

export interface LatencySeries {
  readonly colour: string;
  readonly label: string;
  readonly roundTripsUs: readonly number[];
}

const WIDTH = 760;
const HEIGHT = 300;
const LEFT = 70;
const RIGHT = 20;
const TOP = 12;
const BOTTOM = 40;
const TICKS = [0, 0.5, 0.9, 0.99, 0.999];
const POINTS = 200;

/** Latency over percentile, both logarithmic, so that the tail has as much room as the rest. */
export function latencyChart(series: readonly LatencySeries[]): string {
  const shown = series.filter(({ roundTripsUs }) => roundTripsUs.length > 0);
  const all = shown.flatMap(({ roundTripsUs }) => roundTripsUs);
  const [low, high] = [all.reduce((a, b) => Math.min(a, b), Infinity), all.reduce((a, b) => Math.max(a, b), 0)];
  const [bottom, top] = [
    Math.floor(Math.log10(low)),
    Math.max(Math.ceil(Math.log10(high)), Math.floor(Math.log10(low)) + 1),
  ];
  const y = (us: number): number =>
    HEIGHT - BOTTOM - ((Math.log10(us) - bottom) / (top - bottom)) * (HEIGHT - TOP - BOTTOM);
  const lines = shown.map(({ colour, roundTripsUs }) => {
    const points = sampledQuantiles(roundTripsUs.length).map(
      (q) => `${x(q).toFixed(1)},${y(percentile(roundTripsUs, q)).toFixed(1)}`,
    );
    return element('polyline', { points: points.join(' '), class: `line ${colour}` });
  });
  const decades = Array.from({ length: top - bottom + 1 }, (_, i) => 10 ** (bottom + i));
  return element(
    'svg',
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img' },
    ...decades.map((us) => across(us, y(us))),
    ...TICKS.map(down),
    ...lines,
  );
}

/** The scale ends where one in 2000 is left, which is what the most of runs can say something about. */
const LAST = 1 / 2000;
const x = (q: number): number =>
  LEFT + (Math.log10(1 / Math.max(1 - q, LAST)) / Math.log10(1 / LAST)) * (WIDTH - LEFT - RIGHT);

/** Even steps of the logarithmic axis, up to the share of the last sample. */
function sampledQuantiles(samples: number): number[] {
  const rest = Math.max(1 / samples, LAST);
  return Array.from({ length: POINTS + 1 }, (_, i) => 1 - rest ** (i / POINTS));
}

function across(us: number, y: number): string {
  const text =
    us >= 1e6 ? `${numberText(us / 1e6)} s` : us >= 1000 ? `${numberText(us / 1000)} ms` : `${numberText(us)} us`;
  return (
    element('line', { x1: LEFT, x2: WIDTH - RIGHT, y1: y, y2: y, class: 'grid' }) +
    svgText(LEFT - 8, y + 4, text, { 'text-anchor': 'end' })
  );
}

function down(q: number): string {
  const label = q === 0 ? 'best' : `p${Number((q * 100).toFixed(1))}`;
  return (
    element('line', { x1: x(q), x2: x(q), y1: TOP, y2: HEIGHT - BOTTOM, class: 'grid' }) +
    svgText(x(q), HEIGHT - BOTTOM + 18, label, { 'text-anchor': 'middle' })
  );
}
