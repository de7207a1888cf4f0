import { isNoisy } from '../measure/noise.js';
import type { BenchResult, ScenarioResult } from '../results.js';
import { barChart } from './bar-chart.js';
import { latencyChart } from './latency-chart.js';
import { numberText, percentText, ratioText } from './number-text.js';
import { type Cell, type Row, remarksOf, rowsOf } from './rows.js';
import { colourClasses } from './side-colours.js';
import { STYLE } from './style.js';
import { element, escapeText } from './svg.js';

/** One page that needs nothing else: tables, plots, and how quiet the machine was. */
export function htmlReport(result: BenchResult): string {
  const title = `ShardVPN bench, ${result.startedAt.slice(0, 16).replace('T', ' ')} UTC`;
  const facts = Object.entries({ ...result.machine, ...result.settings });
  const head = element(
    'head',
    {},
    '<meta charset="utf-8"/>',
    element('title', {}, escapeText(title)),
    element('style', {}, STYLE),
  );
  const body = element(
    'body',
    {},
    element('h1', {}, escapeText(title)),
    element('p', { class: 'soft' }, 'Bars and tables are medians of alternating runs; a dot is one run.'),
    element(
      'dl',
      {},
      ...facts.map(([key, value]) => element('dt', {}, escapeText(key)) + element('dd', {}, escapeText(value))),
    ),
    noiseNotice(result),
    ...result.scenarios.map(section),
  );
  return `<!doctype html>\n${element('html', { lang: 'en' }, head, body)}\n`;
}

function section(result: ScenarioResult): string {
  const rows = rowsOf(result);
  const colours = colourClasses(result.sides);
  const legend = result.sides.map(({ id, label }) =>
    element('span', {}, element('i', { class: colours.get(id) ?? '' }, ''), escapeText(label)),
  );
  const remarks = remarksOf(result).map((remark) => element('p', { class: 'soft' }, escapeText(remark)));
  return element(
    'section',
    {},
    element('h2', {}, escapeText(`${result.name}: ${result.title}`)),
    element('p', { class: 'legend' }, ...legend),
    ...barCharts(result, rows, colours),
    ...latencyCharts(result, colours),
    table(result, rows),
    ...remarks,
  );
}

/** One for each title and unit, so that bars of one plot can be held against each other. */
function barCharts(result: ScenarioResult, rows: readonly Row[], colours: ReadonlyMap<string, string>): string[] {
  const charts = new Map<string, Row[]>();
  for (const row of rows.filter(({ spec }) => spec.chart !== null)) {
    const title = `${row.spec.chart}, ${row.spec.unit}`;
    charts.set(title, [...(charts.get(title) ?? []), row]);
  }
  return [...charts].map(
    ([title, group]) => element('h3', {}, escapeText(title)) + barChart(group, result.sides, colours),
  );
}

function latencyCharts(result: ScenarioResult, colours: ReadonlyMap<string, string>): string[] {
  const phases = new Set(result.runs.flatMap(({ latencies }) => Object.keys(latencies)));
  return [...phases].map((phase) => {
    const series = result.sides.map(({ id, label }) => ({
      label,
      colour: colours.get(id) ?? '',
      roundTripsUs: result.runs.filter(({ side }) => side === id).flatMap(({ latencies }) => latencies[phase] ?? []),
    }));
    return element('h3', {}, escapeText(`Round trips, ${phase} (all runs)`)) + latencyChart(series);
  });
}

function table(result: ScenarioResult, rows: readonly Row[]): string {
  const rated = result.sides.filter(({ id }) => result.baseline !== null && id !== result.baseline);
  const titles = [
    '',
    'unit',
    ...result.sides.map(({ label }) => label),
    ...rated.map(({ label }) => `ratio, ${label}`),
  ];
  const head = element('tr', {}, ...titles.map((text) => element('th', {}, escapeText(text))));
  const body = rows.map(({ spec, cells }) => {
    const ratios = cells.filter(({ side }) => rated.some(({ id }) => id === side));
    return element(
      'tr',
      {},
      element('td', {}, escapeText(spec.label)),
      element('td', {}, escapeText(spec.unit)),
      ...cells.map(({ median, values }) =>
        element('td', { title: values.map(numberText).join(', ') }, numberText(median)),
      ),
      ...ratios.map((cell) =>
        element('td', { class: verdict(spec.better, cell) }, ratioText(cell.ratio ?? Number.NaN)),
      ),
    );
  });
  return element('table', {}, element('thead', {}, head), element('tbody', {}, ...body));
}

function verdict(better: 'more' | 'less', { ratio }: Cell): string {
  if (ratio === null || ratio === 1) return '';
  return ratio > 1 === (better === 'more') ? 'good' : 'bad';
}

function noiseNotice(result: BenchResult): string {
  const noisy = result.scenarios.flatMap((scenario) =>
    scenario.runs
      .filter(({ noise }) => isNoisy(noise))
      .map(({ run, side, noise }) => {
        const label = scenario.sides.find(({ id }) => id === side)?.label ?? side;
        const shares = `others ${percentText(noise.foreign)}, steal ${percentText(noise.steal)}`;
        return element('li', {}, escapeText(`${scenario.name}, run ${run}, ${label}: ${shares}`));
      }),
  );
  if (noisy.length === 0) return element('p', {}, 'The machine was quiet in every run.');
  const what =
    'The machine was noisy: other processes, or other machines, had a part of its CPU time. Do not rely on these figures.';
  return element('div', { class: 'warn' }, element('strong', {}, what), element('ul', {}, ...noisy));
}
