import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { ToShard } from '@shardvpn/worker';
import type { Log } from '../log.js';
import { KeyVerifier } from './key-verifier.js';
import type { ScriptResult } from './script-runner.js';

let folder: string;
let lines: string[];
let sent: [number, ToShard][];
/** Runs that wait for their end. */
let runs: { env: Readonly<Record<string, string>>; end: (result: ScriptResult) => void }[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shardvpn-keys-'));
  [lines, sent, runs] = [[], [], []];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const config = (tmpDir = folder) => ({
  tlsCryptV2Verify: { directive: 'tls-crypt-v2-verify', words: ['/verify'], folder: '/' },
  tmpDir,
});
const newVerifier = (): KeyVerifier => {
  const log: Log = { error: (line) => void lines.push(line), warn: () => {}, info: () => {}, debug: () => {} };
  const send = (shard: number, message: ToShard): void => void sent.push([shard, message]);
  const run = (_: unknown, env: Readonly<Record<string, string>>) =>
    new Promise<ScriptResult>((end) => runs.push({ env, end }));
  return new KeyVerifier(config(), { runner: { run }, send, log });
};
const until = async (is: () => boolean): Promise<void> => {
  while (!is()) await new Promise((resolve) => setImmediate(resolve));
};
const exited = (code: number): ScriptResult => ({ type: 'exited', code, output: '' });

test('shows the command type and data, in a file that nobody else can read, and removes it', async () => {
  const verifier = newVerifier();
  verifier.verify(1, { key: 'aa', metadata: Uint8Array.of(1, 104, 105) });
  await until(() => runs.length === 1);
  const { env, end } = runs[0] as (typeof runs)[0];
  const { metadata_file: file = '', ...others } = env;
  expect(others).toEqual({ script_type: 'tls-crypt-v2-verify', metadata_type: '1' });
  expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).toEqual(['hi', 0o600]);
  end(exited(0));
  await until(() => sent.length === 1);
  expect(sent).toEqual([[1, { type: 'key-verdict', key: 'aa', verdict: 'accept' }]]);
  expect(readdirSync(folder)).toEqual([]);
});

test.each<[ScriptResult, string]>([
  [exited(1), 'refuse'],
  [exited(255), 'refuse'],
  [{ type: 'timeout', output: '' }, 'unverified'],
  [{ type: 'killed', signal: 'SIGSEGV', output: '' }, 'unverified'],
  [{ type: 'not-started', detail: '' }, 'unverified'],
  [{ type: 'busy' }, 'unverified'],
])('%j means %s', async (result, verdict) => {
  newVerifier().verify(0, { key: 'aa', metadata: Uint8Array.of(0) });
  await until(() => runs.length === 1);
  runs[0]?.end(result);
  await until(() => sent.length === 1);
  expect(sent[0]?.[1]).toMatchObject({ verdict });
});

test('a key without metadata is refused unasked', async () => {
  newVerifier().verify(0, { key: 'aa', metadata: new Uint8Array(0) });
  await until(() => sent.length === 1);
  expect(sent[0]?.[1]).toMatchObject({ verdict: 'refuse' });
  expect(runs).toEqual([]);
});

test('one run answers all shards, and a new command is asked anew', async () => {
  const verifier = newVerifier();
  const question = { key: 'aa', metadata: Uint8Array.of(0) };
  for (const shard of [0, 1, 1]) verifier.verify(shard, question);
  await until(() => runs.length === 1);
  verifier.reconfigure(config());
  verifier.verify(2, question);
  await until(() => runs.length === 2);
  runs[0]?.end(exited(0));
  await until(() => sent.length === 2);
  expect(sent.map(([shard]) => shard)).toEqual([0, 1]);
  verifier.verify(3, question);
  runs[1]?.end(exited(1));
  await until(() => sent.length === 4);
  expect(sent.slice(2).map(([shard, message]) => [shard, 'verdict' in message && message.verdict])).toEqual([
    [2, 'refuse'],
    [3, 'refuse'],
  ]);
});

test('where no file can be written nobody comes in, and it is told once', async () => {
  const verifier = newVerifier();
  verifier.reconfigure(config(join(folder, 'gone')));
  for (const key of ['aa', 'bb']) verifier.verify(0, { key, metadata: Uint8Array.of(0) });
  await until(() => sent.length === 2);
  expect(sent.map(([, message]) => 'verdict' in message && message.verdict)).toEqual(['unverified', 'unverified']);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/cannot be written: .*see tmp-dir/);
  expect(existsSync(join(folder, 'gone'))).toBe(false);
});
