/**
 * The suites of `npm test`, cheapest first. Each answers with the number of its individual tests; it runs its commands with the
 * `Job` that it is given.
 *
 * @typedef {object} Job
 * @property {(command: string[], options?: object) => Promise<{ code: number, output: string }>} run
 * @property {(text: string) => void} say
 * @property {Promise<unknown>} others When the suites have ended that run beside one that `waits`.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
    run: async (job) => jest(job, ['--config', 'jest.config.mjs', '--maxWorkers', '100%'], await uwsForTests(job)),
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
  const result = { passed: 0, failed: 0, skipped: 0 };
  const load = job.run([process.execPath, join(root, 'bench/load/build.mjs')], { yields: true });
  for (const { args, workers, besideOthers } of ROUNDS) {
    if (!besideOthers) await Promise.all([load, job.others]);
    const round = await jest(job, [
      '--config',
      'test/interop/jest.config.mjs',
      '--maxWorkers',
      String(workers),
      ...args,
    ]);
    for (const key of Object.keys(result)) result[key] += round[key];
  }
  return result;
}

async function jest(job, args, env = {}) {
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
    if (!existsSync(report)) return { passed: 0, failed: 1, skipped: 0 };
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numRuntimeErrorTestSuites } = JSON.parse(
      readFileSync(report, 'utf8'),
    );
    const failed = numFailedTests + numRuntimeErrorTestSuites;
    return { passed: numPassedTests, failed: failed || (code === 0 ? 0 : 1), skipped: numPendingTests + numTodoTests };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function cargoTest(job) {
  const words = ['test', '--workspace', '--locked', '--quiet'];
  await job.run(['cargo', ...words, '--no-run']);
  // Tests of thread priorities begin with an ordinary one.
  const { code, output } = await job.run(['cargo', ...words, '--no-fail-fast'], { yields: false });
  const result = { passed: 0, failed: 0, skipped: 0 };
  for (const [, passed, failed, ignored] of withoutColors(output).matchAll(
    /^test result: .*?(\d+) passed; (\d+) failed; (\d+) ignored/gm,
  )) {
    result.passed += Number(passed);
    result.failed += Number(failed);
    result.skipped += Number(ignored);
  }
  if (code !== 0 && result.failed === 0) result.failed = 1;
  return result;
}

async function nativeTest(job) {
  const folder = join(root, 'native/test');
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.test.mjs')) : [];
  if (files.length === 0) return { passed: 0, failed: 1, skipped: 0 };
  const command = [process.execPath, '--test', '--test-reporter=tap', ...files.map((file) => join(folder, file))];
  const { code, output } = await job.run(command);
  const count = (word) => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(output)?.[1] ?? 0);
  const failed = count('fail') + count('cancelled');
  return { passed: count('pass'), failed: failed || (code === 0 ? 0 : 1), skipped: count('skipped') + count('todo') };
}

function withoutColors(text) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what colours are.
  return text.replace(/\x1b\[[\d;]*m/g, '');
}
