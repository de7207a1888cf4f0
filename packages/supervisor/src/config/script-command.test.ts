import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ProblemList, problemText } from './problem.js';
import { readText } from './read.js';
import { readScript, type ScriptCommand } from './script-command.js';
import { Settings } from './settings.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'shardvpn-commands-'));
  writeFileSync(join(folder, 'verify.sh'), '#!/bin/sh\n');
  chmodSync(join(folder, 'verify.sh'), 0o755);
  writeFileSync(join(folder, 'plain.sh'), '#!/bin/sh\n', { mode: 0o644 });
});
afterAll(() => rmSync(folder, { recursive: true }));

const read = (...lines: string[]): { command: ScriptCommand | null; problems: string[] } => {
  const problems = new ProblemList();
  const options = { base: folder, readText: () => '', problems };
  const settings = new Settings(readText(lines.join('\n'), 's.conf', options), 's.conf', problems);
  const command = readScript(settings, 'tls-crypt-v2-verify');
  return { command, problems: problems.all.map(problemText) };
};

test('a command is a program, its arguments and the folder of the configuration', () => {
  expect(read('script-security 2', 'tls-crypt-v2-verify "verify.sh one \\"two words\\""')).toEqual({
    command: {
      directive: 'tls-crypt-v2-verify',
      words: [join(folder, 'verify.sh'), 'one', 'two words'],
      folder: join(folder, '.'),
    },
    problems: [],
  });
  expect(read('script-security 3')).toEqual({ command: null, problems: [] });
});

test.each([
  [['tls-crypt-v2-verify verify.sh'], /s.conf:1: .*script-security 2 or higher only; add: script-security 2/],
  [['script-security 1', 'tls-crypt-v2-verify verify.sh'], /s.conf:2: .*; change line 1 to: script-security 2/],
  [['script-security 4', 'tls-crypt-v2-verify verify.sh'], /s.conf:1: .*'4' is not a number from 0 to 3/],
  [['script-security 2 system'], /s.conf:1: .*2 arguments given, 1 wanted/],
  [['script-security 2', 'tls-crypt-v2-verify none.sh'], /s.conf:2: .*cannot find the program .*none.sh: no such file/],
  [['script-security 2', 'tls-crypt-v2-verify plain.sh'], /s.conf:2: .*cannot be executed; run: chmod \+x/],
  [['script-security 2', 'tls-crypt-v2-verify .'], /s.conf:2: .*is not a file/],
  [['script-security 2', 'tls-crypt-v2-verify ""'], /s.conf:2: .*the command is empty/],
  [['script-security 2', "tls-crypt-v2-verify 'verify.sh \"one'"], /s.conf:2: .*the command cannot be read: /],
])('%j is an error', (lines, problem) => {
  const { command, problems } = read(...lines);
  expect(command).toBeNull();
  expect(problems[0]).toMatch(problem);
});
