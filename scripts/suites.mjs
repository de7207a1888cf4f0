/** The suites of `npm test`, cheapest first. Each answers with the number of its individual tests. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ALONE } from '../test/interop/alone.mjs';
import { uwsForTests } from './uws-for-tests.mjs';
import { root, run, tool } from './workspace.mjs';

const jestFile = join(root, 'node_modules/jest/bin/jest.js');

export const suites = [
  { name: 'format', run: () => single(tool('biome', 'format', '--colors=off', '.')) },
  { name: 'lint', run: () => single(tool('biome', 'lint', '--colors=off', '--error-on-warnings', '.')) },
  { name: 'imports', run: () => single(tool('depcruise', '--config', '.dependency-cruiser.cjs', 'packages')) },
  { name: 'crates', run: () => check('crates') },
  { name: 'purity', run: () => check('purity') },
  { name: 'budgets', run: () => check('budgets') },
  { name: 'links', run: () => check('links') },
  { name: 'types', run: () => single(tool('tsc', '-p', 'tsconfig.test.json')) },
  { name: 'rustfmt', run: () => single(['cargo', 'fmt', '--all', '--check']) },
  { name: 'jest', run: async () => jest(['--config', 'jest.config.mjs'], await uwsForTests()) },
  {
    name: 'clippy',
    run: () => single(['cargo', 'clippy', '--workspace', '--all-targets', '--locked', '--', '-D', 'warnings']),
  },
  { name: 'cargo', run: cargoTest },
  { name: 'native', run: nativeTest },
  {
    name: 'interop',
    packages: ['openvpn', 'iperf3', 'iproute2', 'iputils-ping', 'openssl', 'ethtool', 'util-linux', 'gcc', 'libc6-dev'],
    run: interop,
  },
];

/** One command that passes or fails as a whole. */
async function single(command) {
  const { code } = await run(command);
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
}

const check = (name) => single([process.execPath, join(root, `scripts/checks/check-${name}.mjs`)]);

async function interop() {
  const command = ['--config', 'test/interop/jest.config.mjs'];
  const pattern = `test/interop/(${ALONE.join('|')})\\.test\\.ts$`;
  const rounds = [
    await jest([...command, '--maxWorkers', '2', '--testPathIgnorePatterns', pattern]),
    await jest([...command, '--runInBand', '--testPathPatterns', pattern]),
  ];
  const sum = (key) => rounds.reduce((total, round) => total + round[key], 0);
  return { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') };
}

async function jest(args, env = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'shardvpn-jest-'));
  const report = join(folder, 'report.json');
  try {
    const { code } = await run(
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

async function cargoTest() {
  const { code, output } = await run(['cargo', 'test', '--workspace', '--locked', '--no-fail-fast', '--quiet'], {
    capture: true,
  });
  const result = { passed: 0, failed: 0, skipped: 0 };
  for (const [, passed, failed, ignored] of output.matchAll(
    /^test result: .*?(\d+) passed; (\d+) failed; (\d+) ignored/gm,
  )) {
    result.passed += Number(passed);
    result.failed += Number(failed);
    result.skipped += Number(ignored);
  }
  if (code !== 0 && result.failed === 0) result.failed = 1;
  return result;
}

async function nativeTest() {
  const folder = join(root, 'native/test');
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.test.mjs')) : [];
  if (files.length === 0) return { passed: 0, failed: 1, skipped: 0 };
  const command = [process.execPath, '--test', '--test-reporter=tap', ...files.map((file) => join(folder, file))];
  const { code, output } = await run(command, { capture: true });
  const count = (word) => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(output)?.[1] ?? 0);
  const failed = count('fail') + count('cancelled');
  return { passed: count('pass'), failed: failed || (code === 0 ? 0 : 1), skipped: count('skipped') + count('todo') };
}
