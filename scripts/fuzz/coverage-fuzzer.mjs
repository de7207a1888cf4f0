/**
 * `node coverage-fuzzer.mjs MODULE CORPUS FINDINGS SECONDS [SEED]`: feeds the function `fuzz` of MODULE with changed files of
 * CORPUS, and keeps what reaches a branch, or reaches one more often, than anything before. The code of MODULE counts its
 * branches in `__coverage__`, as istanbul's instrumenter makes it do.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { Mutator } from './mutator.mjs';

const [module, corpus, findings, seconds, seed = String(process.pid)] = process.argv.slice(2);
const { fuzz } = createRequire(import.meta.url)(module);
/** One bit for each order of magnitude of each branch. */
const seen = new Map();
const known = [];
let loaded = 0;
const inputs = [];
const mutator = new Mutator(Number(seed), inputs);
let executions = 0;
let features = 0;
let slowest = 0;

for (const file of readdirSync(corpus).sort()) tryInput(readFileSync(join(corpus, file)), false);
const end = performance.now() + 1000 * Number(seconds);
while (performance.now() < end) tryInput(mutator.next(), true);
console.log(
  `executed ${executions} features ${features} corpus ${inputs.length} slowest ${slowest.toFixed(0)} ms seed ${seed}`,
);

function tryInput(input, isNew) {
  const began = performance.now();
  executions++;
  try {
    fuzz(Uint8Array.from(input));
  } catch (error) {
    report(input, error);
  }
  slowest = Math.max(slowest, performance.now() - began);
  const more = takeFeatures();
  features += more;
  if (more === 0 && isNew) return;
  inputs.push(input);
  if (isNew) writeFileSync(join(corpus, hash(input)), input);
}

/** How many of them are new. The counters start again. */
function takeFeatures() {
  let more = 0;
  for (const { counts, known } of branches()) {
    for (let at = 0; at < counts.length; at++) {
      if (counts[at] === 0) continue;
      const bit = 1 << (32 - Math.clz32(counts[at]));
      if ((known[at] & bit) === 0) {
        known[at] |= bit;
        more++;
      }
      counts[at] = 0;
    }
  }
  return more;
}

/** Of all files that have been loaded. */
function branches() {
  const files = Object.values(globalThis.__coverage__ ?? {});
  if (files.length !== loaded) {
    loaded = files.length;
    known.length = 0;
    for (const counts of files.flatMap((file) => Object.values(file.b))) {
      known.push({ counts, known: seen.get(counts) ?? seen.set(counts, new Uint32Array(counts.length)).get(counts) });
    }
  }
  return known;
}

function report(input, error) {
  mkdirSync(findings, { recursive: true });
  const file = join(findings, `${basename(corpus)}-${hash(input)}`);
  writeFileSync(file, input);
  console.error(`${file}\n${error?.stack ?? error}`);
  process.exit(77);
}

function hash(input) {
  return createHash('sha256').update(input).digest('hex').slice(0, 16);
}
