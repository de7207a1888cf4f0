/**
 * The suites of `npm test`, cheapest first. Each answers with a `Result` of second-tries.mjs: the numbers of its individual
 * tests; it runs its commands with the `Job` that it is given.
 *
 * @typedef {object} Job
 * @property {(command: string[], options?: object) => Promise<{ code: number, output: string }>} run
 * @property {(text: string) => void} say
 * @property {Promise<unknown>} others When the suites have ended that run beside one that `waits`.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { ROUNDS } from '../test/interop/rounds.mjs';
import { uwsForTests } from './uws-for-tests.mjs';
import { root, tool } from './workspace.mjs';

const jestFile = join(root, 'node_modules/jest/bin/jest.js');

export const suites = [
  { name: 'format', run: single(tool('biome', 'format', '--colors=off', '.')) },
  { name: 'lint', run: single(tool('biome', 'lint', '--colors=off', '--error-on-warnings', '.')) },
  { name: 'imports', run: single(tool('depcruise', '--config', '.dependency-cruiser.cjs', 'packages')) },
  { name: 'crates', run: check('crates') },
  { name: 'purity', run: check('purity') },
  { name: 'budgets', run: check('budgets') },
  { name: 'links', run: check('links') },
  { name: 'types', run: single(tool('tsc', '-p', 'tsconfig.test.json')) },
  { name: 'rustfmt', run: single(['cargo', 'fmt', '--all', '--check']) },
  {
    name: 'jest',
    run: async (job) => jest(job, await uwsForTests(job)),
  },
  {
    name: 'clippy',
    run: single(['cargo', 'clippy', '--workspace', '--all-targets', '--locked', '--', '-D', 'warnings']),
  },
  { name: 'cargo', run: cargoTest },
  { name: 'native', run: nativeTest },
  {
    name: 'interop',
    packages: ['openvpn', 'iperf3', 'iproute2', 'iputils-ping', 'openssl', 'ethtool', 'util-linux', 'gcc', 'libc6-dev'],
    // Begins at once, beside the others.
    waits: true,
    run: interop,
  },
];

/** One command that passes or fails as a whole. */
function single(command) {
  return async (job) => {
    const { code } = await job.run(command);
    return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
  };
}

function check(name) {
  return single([process.execPath, join(root, `scripts/checks/check-${name}.mjs`)]);
}

async function interop(job) {
  const config = ['--config', 'test/interop/jest.config.mjs'];
  const load = job.run([process.execPath, join(root, 'bench/load/build.mjs')], { yields: true });
  const rounds = [];
  for (const { args, workers, besideOthers } of ROUNDS) {
    if (!besideOthers) await Promise.all([load, job.others]);
    rounds.push(await runJest(job, [...config, '--maxWorkers', String(workers), ...args]));
  }
  return withSecondTry(rounds, config, {});
}

async function jest(job, env) {
  const config = ['--config', 'jest.config.mjs'];
  return withSecondTry([await runJest(job, [...config, '--maxWorkers', '100%'], env)], config, env);
}

/** The sum of several runs of jest; the files that failed can be run once more, one at a time. */
function withSecondTry(runs, config, env) {
  const sum = (key) => runs.reduce((total, run) => total + run[key], 0);
  const result = { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') };
  const parts = runs.flatMap(({ failedFiles }) => failedFiles);
  if (parts.length === 0) return result;
  const again = (job) => runJest(job, [...config, '--runInBand', '--runTestsByPath', ...parts], env);
  return { ...result, secondTry: { parts, passed: sum('passedInFailed'), run: again } };
}

async function runJest(job, args, env = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'shardvpn-jest-'));
  const report = join(folder, 'report.json');
  try {
    const { code } = await job.run(
      [process.execPath, jestFile, ...args, '--json', '--outputFile', report, '--silent=false'],
      {
        env: { NODE_OPTIONS: '', ...env },
        discardStdout: true,
      },
    );
    const text = existsSync(report) ? readFileSync(report, 'utf8') : null;
    return text === null
      ? { passed: 0, failed: 1, skipped: 0, failedFiles: [], passedInFailed: 0 }
      : readReport(text, code);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readReport(text, code) {
  const report = JSON.parse(text);
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numRuntimeErrorTestSuites } = report;
  const failing = report.testResults.filter(({ status }) => status === 'failed');
  const tests = failing.flatMap(({ assertionResults }) => assertionResults);
  return {
    passed: numPassedTests,
    failed: numFailedTests + numRuntimeErrorTestSuites || (code === 0 ? 0 : 1),
    skipped: numPendingTests + numTodoTests,
    failedFiles: failing.map(({ name }) => relative(root, name)),
    passedInFailed: tests.filter(({ status }) => status === 'passed').length,
  };
}

async function cargoTest(job) {
  const words = ['test', '--locked', '--quiet'];
  await job.run(['cargo', ...words, '--workspace', '--no-run']);
  const result = await runCargo(job, [...words, '--workspace', '--no-fail-fast']);
  const { failedTests: parts, ...first } = result;
  if (parts.length === 0) return first;
  const names = ['--workspace', '--', '--exact', ...parts];
  return { ...first, secondTry: { parts, passed: 0, run: (job) => runCargo(job, [...words, ...names]) } };
}

async function runCargo(job, words) {
  // Tests of thread priorities begin with an ordinary one.
  const { code, output } = await job.run(['cargo', ...words], { yields: false });
  const result = { passed: 0, failed: 0, skipped: 0 };
  for (const [, passed, failed, ignored] of withoutColors(output).matchAll(
    /^test result: .*?(\d+) passed; (\d+) failed; (\d+) ignored/gm,
  )) {
    result.passed += Number(passed);
    result.failed += Number(failed);
    result.skipped += Number(ignored);
  }
  if (code !== 0 && result.failed === 0) result.failed = 1;
  return { ...result, failedTests: failedTests(withoutColors(output)) };
}

/**
 * The names in the lists below `failures:`; the reports under the same word are headed by dashes. None when a program did not get
 * to its result.
 */
function failedTests(output) {
  const count = (pattern) => output.match(pattern)?.length ?? 0;
  if (count(/^running \d+ tests?$/gm) !== count(/^test result: /gm)) return [];
  const lists = output.matchAll(/^failures:\n((?: {4}\S+\n)+)/gm);
  return [...lists].flatMap(([, names]) => names.trim().split(/\s+/));
}

async function nativeTest(job) {
  const folder = join(root, 'native/test');
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.test.mjs')) : [];
  if (files.length === 0) return { passed: 0, failed: 1, skipped: 0 };
  const command = [process.execPath, '--test', '--test-reporter=tap', ...files.map((file) => join(folder, file))];
  const { code, output } = await job.run(command);
  const count = (word) => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(output)?.[1] ?? 0);
  const failed = count('fail') + count('cancelled');
  const passed = count('pass');
  const result = { passed, failed: failed || (code === 0 ? 0 : 1), skipped: count('skipped') + count('todo') };
  return failed === 0 ? result : { ...result, secondTry: { parts: ['native/test'], passed, run: nativeTest } };
}

function withoutColors(text) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what colours are.
  return text.replace(/\x1b\[[\d;]*m/g, '');
}
