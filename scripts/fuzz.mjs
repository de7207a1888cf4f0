/**
 * `npm run fuzz -- [TARGET...] [--minutes N]`: fuzzes the targets one after the other, N minutes each (docs/fuzzing.md).
 * What it finds interesting goes to target/fuzz/corpus/TARGET, what fails to target/fuzz/findings.
 * `--keep` fuzzes nothing, and packs the best of target/fuzz/corpus for `npm test`.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildRustFuzzer } from './fuzz/build-rust-fuzzer.mjs';
import { buildTypescriptFuzzer } from './fuzz/build-typescript-fuzzer.mjs';
import { keepCorpus } from './fuzz/keep-corpus.mjs';
import { unpackCorpus } from './fuzz/packed-corpus.mjs';
import { inputName } from './fuzz/write-finding.mjs';
import { root, run } from './workspace.mjs';

const FOLDERS = { rust: 'native/crates/fuzz', typescript: 'test/fuzz' };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '1' },
    list: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const targets = Object.entries(FOLDERS).flatMap(([language, folder]) =>
  readdirSync(join(root, folder, 'corpus')).map((name) => ({
    language,
    name,
    seeds: join(root, folder, 'corpus', name),
    packed: join(root, folder, 'found', name),
  })),
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
  const fuzzer = fuzzers[target.language];
  if (values.keep) await keepCorpus(fuzzer, target.name, corpusOf(target), target.packed);
  else if (!(await fuzz(fuzzer, target.name, corpusOf(target)))) process.exitCode = 1;
}

/** What has been found here, and what is committed. */
function corpusOf({ name, seeds, packed }) {
  const corpus = join(root, 'target/fuzz/corpus', name);
  mkdirSync(corpus, { recursive: true });
  cpSync(seeds, corpus, { recursive: true });
  for (const input of existsSync(packed) ? unpackCorpus(readFileSync(packed)) : []) {
    writeFileSync(join(corpus, inputName(input)), input);
  }
  return corpus;
}

async function fuzz(fuzzer, name, corpus) {
  const findings = join(root, 'target/fuzz/findings');
  mkdirSync(findings, { recursive: true });
  const words = fuzzer.command(corpus, findings, Math.ceil(seconds));
  console.log(`== ${name}: ${values.minutes} minutes`);
  const { code } = await run(words, { env: { ...fuzzer.env, FUZZ_TARGET: name } });
  return code === 0;
}
