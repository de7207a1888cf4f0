import { describe, expect, test } from '@jest/globals';
import type { BenchResult, ScenarioResult, SideRun } from '../results.js';
import { htmlReport } from './html-report.js';
import { numberText, ratioText } from './number-text.js';
import { rowsOf } from './rows.js';
import { textTable } from './text-table.js';

const QUIET = { foreign: 0.01, steal: 0 };
const run = (n: number, side: string, gbit: number, more: Partial<SideRun> = {}): SideRun => ({
  run: n,
  side,
  figures: { gbit },
  latencies: {},
  remarks: [],
  noise: QUIET,
  ...more,
});

const scenario: ScenarioResult = {
  name: 'throughput',
  title: 'TCP & <more>',
  sides: [
    { id: 'other', label: 'openvpn' },
    { id: 'shardvpn', label: 'shardvpn' },
  ],
  baseline: 'other',
  specs: [
    { key: 'gbit', label: '1 stream up', unit: 'Gbit/s', better: 'more', chart: 'Throughput' },
    { key: 'absent', label: 'never measured', unit: 's', better: 'less', chart: 'Absent' },
  ],
  runs: [
    run(1, 'other', 0.3),
    run(1, 'shardvpn', 4.7, { remarks: ['seen once'] }),
    run(2, 'other', 0.32),
    run(2, 'shardvpn', 4.9, { remarks: ['seen once'] }),
    run(3, 'other', 0.31, { latencies: { idle: [100, 200, 90_000] } }),
    run(3, 'shardvpn', 1.1, { noise: { foreign: 0.2, steal: 0 }, latencies: { idle: [50, 60] } }),
  ],
};

const result = (scenarios: readonly ScenarioResult[]): BenchResult => ({
  version: 1,
  startedAt: '2026-01-02T03:04:05.000Z',
  machine: { processor: '2 x "Quick" <CPU>' },
  settings: { against: 'openvpn' },
  scenarios,
});

test('medians, and ratios of ours against the baseline', () => {
  const [gbit, absent] = rowsOf(scenario);
  expect(gbit?.cells.map(({ median }) => median)).toEqual([0.31, 4.7]);
  expect(gbit?.cells.map(({ ratio }) => ratio)).toEqual([null, 4.7 / 0.31]);
  expect(absent?.cells.map(({ median, ratio }) => [median, ratio])).toEqual([
    [Number.NaN, null],
    [Number.NaN, null],
  ]);
});

test('the table of the terminal has the medians, the ratio and each remark once', () => {
  const text = textTable(scenario);
  expect(text).toMatch(/^1 stream up +Gbit\/s +0\.31 +4\.7 +15\.2 x$/m);
  expect(text).toMatch(/^never measured +s +- +- +-$/m);
  expect(text.match(/seen once/g)).toHaveLength(1);
});

test('without another server there is no ratio', () => {
  const alone = { ...scenario, baseline: null, sides: scenario.sides.slice(1) };
  expect(textTable(alone)).not.toMatch(/ratio| x$/m);
  expect(htmlReport(result([alone]))).not.toContain('ratio');
});

describe('the page', () => {
  const html = htmlReport(result([scenario]));

  test('is well-formed and escapes what it shows', () => {
    expect(unclosed(html)).toEqual([]);
    expect(html).toContain('TCP &amp; &lt;more&gt;');
    expect(html).toContain('2 x &quot;Quick&quot; &lt;CPU&gt;');
  });

  test('has the figures, a bar for each side and a dot for each run', () => {
    for (const text of ['0.31', '4.7', '15.2 x', 'Throughput, Gbit/s']) expect(html).toContain(text);
    expect(html.match(/<rect/g)).toHaveLength(2);
    expect(html.match(/<circle/g)).toHaveLength(6);
    expect(html.match(/<polyline/g)).toHaveLength(2);
    expect(html).not.toMatch(/NaN|Infinity|undefined/);
  });

  test('needs no network', () => {
    expect(html).not.toMatch(/https?:|url\(|<script|<link|<img|@import/);
  });

  test('says which run was noisy', () => {
    expect(html).toContain('throughput, run 3, shardvpn: others 20 %, steal 0.0 %');
    const quiet = { ...scenario, runs: scenario.runs.map((one) => ({ ...one, noise: QUIET })) };
    expect(htmlReport(result([quiet]))).toContain('The machine was quiet in every run.');
  });
});

test('numbers have three digits, and small ratios are fractions', () => {
  expect([0.012345, 1.5, 99.96, 1234.5, Number.NaN].map(numberText)).toEqual(['0.0123', '1.5', '100', '1,235', '-']);
  expect([0.0625, 0.95, 2, Number.NaN].map(ratioText)).toEqual(['1/16', '0.95 x', '2 x', '-']);
});

/** Tags that are not closed in the order in which they were opened. */
function unclosed(html: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  for (const [, close, name = '', empty] of html.matchAll(/<(\/?)([a-z]\w*)(?:\s[\w-]+="[^"<>]*")*\s*(\/?)>/g)) {
    if (close === '/') {
      if (open.pop() !== name) wrong.push(name);
    } else if (empty !== '/') open.push(name);
  }
  const brackets = html.replace(/<!doctype html>|<\/?[a-z]\w*(?:\s[\w-]+="[^"<>]*")*\s*\/?>/g, '').match(/[<>]/g) ?? [];
  return [...wrong, ...open, ...brackets];
}
