import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { ScriptCommand } from '../config/script-command.js';
import type { Log } from '../log.js';
import { SCRIPT_LIMITS, ScriptRunner } from './script-runner.js';

let folder: string;
let lines: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shardvpn-script-'));
  lines = [];
});
afterEach(() => {
  jest.useRealTimers();
  rmSync(folder, { recursive: true });
});

const log: Log = {
  error: (line, fields) => void lines.push(`${line} ${JSON.stringify(fields)}`),
  warn: () => {},
  info: () => {},
  debug: () => {},
};

const script = (body: string, ...args: string[]): ScriptCommand => {
  const file = join(folder, 'script');
  writeFileSync(file, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return { directive: 'tls-crypt-v2-verify', words: [file, ...args], folder };
};

const count = (runner: ScriptRunner) => runner.counts['tls-crypt-v2-verify'];

/** Also where a test has a clock of its own. */
const afterRealTime = setTimeout;
const until = async (is: () => boolean): Promise<void> => {
  while (!is()) await new Promise((resolve) => afterRealTime(resolve, 5));
};

test('a command gets its words, its environment and its folder, and says how it went', async () => {
  const runner = new ScriptRunner(log);
  const command = script('env > env; pwd > pwd; echo "$#:$1:$2" > words; cat > input; exit $1', '0', 'two words');
  expect(await runner.run(command, { script_type: 'x y', metadata_file: '/m' })).toMatchObject({
    type: 'exited',
    code: 0,
  });
  const told = (name: string) => readFileSync(join(folder, name), 'utf8').trim();
  expect([told('words'), told('pwd'), told('input')]).toEqual(['2:0:two words', folder, '']);
  const names = told('env')
    .split('\n')
    .filter((line) => !/^(PWD|OLDPWD|SHLVL|_)=/.test(line));
  expect(names.toSorted()).toEqual(['metadata_file=/m', 'script_type=x y']);
  expect(await runner.run(script('echo no >&2; exit 3'), {})).toEqual({ type: 'exited', code: 3, output: 'no\n' });
  expect(count(runner)).toEqual({ success: 1, failure: 1 });
  expect(lines).toEqual([]);
});

test('what cannot run, or is killed, is told once with what to do', async () => {
  const runner = new ScriptRunner(log);
  const missing = { ...script(''), words: [join(folder, 'none')] };
  for (let i = 0; i < 2; i++) expect(await runner.run(missing, {})).toMatchObject({ type: 'not-started' });
  expect(await runner.run(script('echo last words; kill -9 $$'), {})).toMatchObject({
    type: 'killed',
    signal: 'SIGKILL',
  });
  expect(count(runner)).toEqual({ 'not-started': 2, killed: 1 });
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/none could not be started: .*ENOENT.*; look at its permissions/);
  expect(lines[1]).toMatch(/was killed by SIGKILL .*last words/);
});

test('one that takes too long is killed with what it has started', async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'performance'] });
  const runner = new ScriptRunner(log, { ...SCRIPT_LIMITS, runMs: 300 });
  const running = runner.run(script('sleep 600 & echo waiting; echo $! > child; sleep 600'), {});
  const childFile = join(folder, 'child');
  await until(() => existsSync(childFile) && readFileSync(childFile, 'utf8').endsWith('\n'));
  const child = Number(readFileSync(childFile, 'utf8'));
  jest.advanceTimersByTime(299);
  expect(isRunning(child)).toBe(true);
  jest.advanceTimersByTime(1);
  expect(await running).toEqual({ type: 'timeout', output: 'waiting\n' });
  await until(() => !isRunning(child));
  expect(lines[0]).toMatch(/took longer than 0.3 s; make it faster/);
});

test('one that leaves something running has ended all the same', async () => {
  const runner = new ScriptRunner(log);
  expect(await runner.run(script('sleep 600 & echo $! > child; exit 0'), {})).toMatchObject({
    type: 'exited',
    code: 0,
  });
  const child = Number(readFileSync(join(folder, 'child'), 'utf8'));
  expect(isRunning(child)).toBe(true);
  process.kill(child);
});

test('so many run at once, so many wait, and the rest is turned away', async () => {
  const runner = new ScriptRunner(log, { ...SCRIPT_LIMITS, atOnce: 2, waiting: 3 });
  const command = script('echo x >> began; while [ ! -e go ]; do sleep 0.01; done');
  const began = () => (existsSync(join(folder, 'began')) ? readFileSync(join(folder, 'began'), 'utf8').length / 2 : 0);
  const runs = Array.from({ length: 7 }, () => runner.run(command, {}));
  await until(() => began() === 2 && count(runner)?.busy === 2);
  writeFileSync(join(folder, 'go'), '');
  const ends = (await Promise.all(runs)).map(({ type }) => type);
  expect(ends).toEqual(['exited', 'exited', 'exited', 'exited', 'exited', 'busy', 'busy']);
  expect(began()).toBe(5);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/needed too often: 2 run and 3 wait/);
});

test('who has waited too long is not run', async () => {
  const runner = new ScriptRunner(log, { ...SCRIPT_LIMITS, atOnce: 1, waitMs: 0 });
  const command = script('echo x >> began');
  const ends = await Promise.all([runner.run(command, {}), runner.run(command, {})]);
  expect(ends.map(({ type }) => type)).toEqual(['exited', 'busy']);
  expect(await runner.run(command, {})).toMatchObject({ type: 'exited' });
});

test('close ends what runs and what waits, without a word', async () => {
  const runner = new ScriptRunner(log, { ...SCRIPT_LIMITS, atOnce: 1 });
  const runs = [runner.run(script('touch began; sleep 600'), {}), runner.run(script('touch began; sleep 600'), {})];
  await until(() => existsSync(join(folder, 'began')));
  runner.close();
  expect((await Promise.all(runs)).map(({ type }) => type)).toEqual(['killed', 'busy']);
  expect(await runner.run(script('exit 0'), {})).toEqual({ type: 'busy' });
  expect(lines).toEqual([]);
});

const isRunning = (pid: number): boolean => {
  try {
    // A process that nobody has waited for yet is a zombie.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};
