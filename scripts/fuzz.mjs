/**
 * `npm run fuzz -- [TARGET...] [--minutes N]`: fuzzes the targets one after the other, N minutes each (docs/fuzzing.md).
 * What it finds interesting goes to target/fuzz/corpus/TARGET, what fails to target/fuzz/findings.
 */
import { cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildRustFuzzer } from './fuzz/build-rust-fuzzer.mjs';
import { buildTypescriptFuzzer } from './fuzz/build-typescript-fuzzer.mjs';
import { root, run } from './workspace.mjs';

const CORPORA = { rust: 'native/crates/fuzz/corpus', typescript: 'test/fuzz/corpus' };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string', default: '1' }, list: { type: 'boolean', default: false } },
});
const targets = Object.entries(CORPORA).flatMap(([language, folder]) =>
  readdirSync(join(root, folder)).map((name) => ({ language, name, seeds: join(root, folder, name) })),
);
const unknown = positionals.filter((name) => !targets.some((target) => target.name === name));
const seconds = Number(values.minutes) * 60;
if (unknown.length > 0 || !(seconds > 0)) {
  console.error(`targets: ${targets.map(({ name }) => name).join(' ')}\n--minutes N: for each of them`);
  process.exit(2);
}
if (values.list) {
  for (const { language, name } of targets) console.log(`${language}\t${name}`);
  process.exit(0);
}
const chosen = targets.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const fuzzers = {};
for (const target of chosen) {
  fuzzers[target.language] ??= target.language === 'rust' ? await buildRustFuzzer() : buildTypescriptFuzzer();
  if (!(await fuzz(fuzzers[target.language], target))) process.exitCode = 1;
}

async function fuzz(fuzzer, { name, seeds }) {
  const corpus = join(root, 'target/fuzz/corpus', name);
  const findings = join(root, 'target/fuzz/findings');
  for (const folder of [corpus, findings]) mkdirSync(folder, { recursive: true });
  if (existsSync(seeds)) cpSync(seeds, corpus, { recursive: true });
  const words = fuzzer.command(corpus, findings, Math.ceil(seconds));
  console.log(`== ${name}: ${values.minutes} minutes`);
  const { code } = await run(words, { env: { ...fuzzer.env, FUZZ_TARGET: name } });
  return code === 0;
}
