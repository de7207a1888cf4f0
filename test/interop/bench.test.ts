import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { until } from './lab/until.js';

const BENCH = resolve(__dirname, '../../bench/bench.mjs');

interface Report {
  readonly scenarios: readonly {
    readonly sides: readonly { readonly id: string }[];
    readonly runs: readonly { readonly side: string; readonly figures: Readonly<Record<string, number>> }[];
  }[];
}

test('throughput is measured on both servers, and written down', async () => {
  const json = join(process.env.INTEROP_DIR ?? tmpdir(), 'bench.json');
  const bench = new Bench(['throughput', '--seconds', '1', '--runs', '1', '--json', json]);
  expect({ code: await bench.code, output: bench.output }).toMatchObject({ code: 0 });
  const [scenario] = (JSON.parse(readFileSync(json, 'utf8')) as Report).scenarios;
  expect(scenario?.runs.map(({ side }) => side)).toEqual(['other', 'shardvpn']);
  for (const { figures } of scenario?.runs ?? []) {
    for (const name of ['tcp1-up', 'tcp1-down', 'tcp4-up', 'tcp4-down']) {
      expect(figures[`${name}-gbit`]).toBeGreaterThan(0.01);
      expect(figures[`${name}-cpu`]).toBeGreaterThan(0);
    }
  }
  expect(bench.output).toMatch(/^1 stream up +Gbit\/s( +[\d.]+){2} +[\d./]+( x)?$/m);
  expect(readFileSync(json.replace(/json$/, 'html'), 'utf8')).toContain('<svg');
  expect(traces(bench.pid)).toEqual([]);
}, 400_000);

test('an interrupted run leaves nothing', async () => {
  const bench = new Bench(['throughput', '--against', 'none', '--seconds', '30', '--runs', '1']);
  await until('the client is there', () => traces(bench.pid).some((name) => /-c0$/.test(name)));
  bench.child.kill('SIGINT');
  expect({ code: await bench.code, output: bench.output }).toMatchObject({ code: 130 });
  expect(traces(bench.pid)).toEqual([]);
}, 300_000);

class Bench {
  readonly child: ChildProcess;
  readonly code: Promise<number | null>;
  output = '';

  constructor(args: readonly string[]) {
    this.child = spawn(process.execPath, [BENCH, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    this.code = once(this.child, 'close').then(([code]) => code as number | null);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }
}

/** Namespaces and temporary folders of this run. */
function traces(pid: number): string[] {
  const namespaces = execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .filter((name) => name.startsWith(`svb-${pid}-`));
  return [...namespaces, ...readdirSync(tmpdir()).filter((name) => name.startsWith(`shardvpn-bench-${pid}-`))];
}
