import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

const FUZZER = join(__dirname, '../../scripts/fuzz/coverage-fuzzer.mjs');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shardvpn-fuzzer-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the fuzzer over a function of `input` with places 0 to 7 to count at, and answers how it ended. */
const fuzz = (body: string, corpus: Record<string, string>, words: readonly string[], seconds: number) => {
  const [module, seeds] = [join(folder, 'targets.js'), join(folder, 'some-target')];
  const start = 'const $branches = globalThis.__branches; const text = Buffer.from(input).toString("latin1");';
  writeFileSync(module, `exports.fuzz = (input) => { ${start} ${body} };\n`);
  writeFileSync(join(folder, 'instrument.json'), JSON.stringify({ branches: 8, words }));
  mkdirSync(seeds);
  for (const [name, text] of Object.entries(corpus)) writeFileSync(join(seeds, name), text);
  const words_ = [FUZZER, module, seeds, join(folder, 'findings'), String(seconds), '1', '0.5'];
  const { status, signal, stderr } = spawnSync(process.execPath, words_, { encoding: 'utf8', timeout: 250_000 });
  return { status, signal, stderr, kept: readdirSync(seeds).sort() };
};

const findings = () =>
  readdirSync(join(folder, 'findings')).map((name) => readFileSync(join(folder, 'findings', name), 'utf8'));

describe('the fuzzer', () => {
  test('comes upon a word behind a branch, and keeps what failed', () => {
    const body =
      'if (text.startsWith("ma")) { $branches[0]++; if (text.startsWith("magic")) throw new Error("found"); }';
    expect(fuzz(body, { zero: 'm' }, ['gic', 'a'], 200)).toMatchObject({ status: 77 });
    expect(findings()).toEqual([expect.stringMatching(/^magic/)]);
  });

  test('reports an input that never comes to an end', () => {
    const ended = fuzz('$branches[0]++; while (text === "for ever");', { a: '', b: 'for ever' }, [], 0);
    expect(ended).toMatchObject({ status: null, signal: 'SIGKILL' });
    expect(ended.stderr).toContain('this input took more than 0.5 s of CPU time');
    expect(findings()).toEqual(['for ever']);
  });

  test('lets many inputs take longer together than one may', () => {
    const body = '$branches[0]++; const end = performance.now() + 400; while (performance.now() < end);';
    expect(fuzz(body, { a: 'a', b: 'b', c: 'c', d: 'd' }, [], 0)).toMatchObject({ status: 0, signal: null });
  });

  test('without time removes the files that reach nothing new, the longer ones first', () => {
    const body = 'if (text.includes("x")) $branches[0]++; for (const _ of text) $branches[1]++;';
    expect(fuzz(body, { x: 'x', xx: 'xx', y: 'y', yxx: 'yxx' }, [], 0).kept).toEqual(['x', 'xx']);
  });
});
