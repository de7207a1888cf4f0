import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Bench } from './bench.js';
import { cipherLines } from './lab/configs.js';
import { makeKeys } from './lab/make-keys.js';
import { makeFolder, prefixOf, sweep, sweepAbandoned } from './lab/sweep.js';
import { describeMachine, describeSettings } from './machine.js';
import { isNoisy } from './measure/noise.js';
import { type BenchOptions, parseBenchOptions, type ScenarioName, USAGE, UsageError } from './options.js';
import { htmlReport } from './report/html-report.js';
import { textTable } from './report/text-table.js';
import type { BenchResult, ScenarioResult } from './results.js';
import { ROOT } from './root.js';
import { runScenario } from './run-scenario.js';
import type { Scenario } from './scenario.js';
import { alone } from './scenarios/alone.js';
import { clients } from './scenarios/clients.js';
import { compare } from './scenarios/compare.js';
import { handshakes } from './scenarios/handshakes.js';
import { hop } from './scenarios/hop.js';
import { latency } from './scenarios/latency.js';
import { pps } from './scenarios/pps.js';
import { scaling } from './scenarios/scaling.js';
import { throughput } from './scenarios/throughput.js';

const SCENARIOS: Readonly<Record<ScenarioName, Scenario>> = {
  throughput,
  pps,
  alone,
  latency,
  handshakes,
  clients,
  scaling,
  hop,
  compare,
};

/** Resolves to the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(USAGE);
    return 0;
  }
  try {
    const options = parseBenchOptions(args);
    checkMachine(options);
    return await withCleanUp((signal, folder) => runAll(options, signal, folder));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`bench: ${error.message}\n\n${USAGE}`);
    return 2;
  }
}

/** Namespaces, processes and files are gone at the end, whatever ends it. */
async function withCleanUp(work: (signal: AbortSignal, folder: string) => Promise<number>): Promise<number> {
  const controller = new AbortController();
  const interrupt = (): void => controller.abort();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, interrupt);
  sweepAbandoned();
  const folder = makeFolder();
  try {
    return await work(controller.signal, folder);
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    console.error('bench: interrupted');
    return 130;
  } finally {
    sweep(prefixOf(process.pid));
    rmSync(folder, { recursive: true, force: true });
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(name, interrupt);
  }
}

async function runAll(options: BenchOptions, signal: AbortSignal, folder: string): Promise<number> {
  const keys = join(folder, 'keys');
  makeKeys(keys);
  const written = options.server === null ? [] : readFileSync(options.server, 'utf8').split('\n');
  const serverLines = [...written, ...cipherLines(options)];
  const progress = (text: string): void => console.error(text);
  const bench: Bench = { options, folder, keys, serverLines, signal, progress };
  const startedAt = new Date().toISOString();
  const scenarios: ScenarioResult[] = [];
  let failures = 0;
  for (const name of options.scenarios) {
    try {
      const result = await runScenario(bench, SCENARIOS[name]);
      scenarios.push(result);
      console.log(`\n${textTable(result)}\n`);
    } catch (error) {
      signal.throwIfAborted();
      failures++;
      console.error(`bench: ${name} failed: ${(error as Error).message}`);
    }
  }
  const settings = describeSettings(options);
  writeResults(options, { version: 1, startedAt, machine: describeMachine(), settings, scenarios });
  sayNoise(scenarios);
  return failures === 0 ? 0 : 1;
}

function writeResults(options: BenchOptions, result: BenchResult): void {
  if (result.scenarios.length === 0) return;
  const name = options.scenarios.length === 1 ? options.scenarios[0] : 'all';
  const usual = join(ROOT, 'bench/results', `${name}-${result.startedAt.slice(0, 19).replaceAll(':', '')}`);
  for (const [file, text] of [
    [options.json ?? `${usual}.json`, `${JSON.stringify(result, null, 1)}\n`],
    [options.html ?? options.json?.replace(/(\.json)?$/, '.html') ?? `${usual}.html`, htmlReport(result)],
  ] as const) {
    mkdirSync(dirname(resolve(file)), { recursive: true });
    writeFileSync(file, text);
    console.log(file);
  }
}

function sayNoise(scenarios: readonly ScenarioResult[]): void {
  const runs = scenarios.flatMap((scenario) => scenario.runs);
  const noisy = runs.filter(({ noise }) => isNoisy(noise)).length;
  if (noisy === 0) return;
  console.log(
    `The machine was noisy in ${noisy} of ${runs.length} runs (see the report): do not rely on these figures.`,
  );
}

/** Says what is missing before anything is made. */
function checkMachine(options: BenchOptions): void {
  if (process.getuid?.() !== 0) throw new UsageError('network namespaces need root');
  const tools = ['ip', 'ping', 'iperf3', 'openssl'];
  if (options.against === 'openvpn' || options.client === 'openvpn') tools.push('openvpn');
  const missing = tools.filter((tool) => !isInstalled(tool));
  if (missing.length > 0)
    throw new UsageError(
      `not installed: ${missing.join(', ')} (Debian packages iproute2, iputils-ping, iperf3, openssl, openvpn)`,
    );
}

function isInstalled(tool: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${tool}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
