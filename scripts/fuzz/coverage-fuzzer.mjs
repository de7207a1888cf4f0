/**
 * `node coverage-fuzzer.mjs MODULE CORPUS FINDINGS SECONDS [SEED [LIMIT]]`: feeds the function `fuzz` of MODULE with changed files of
 * CORPUS, and keeps what reaches a branch, or reaches one more often, than anything before. MODULE was made by
 * `buildTypescriptFuzzer`. With SECONDS 0 the files of CORPUS alone are tried, and those that reach nothing new are removed.
 * LIMIT is how many seconds of CPU time one input may take.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { Features } from './features.mjs';
import { Mutator } from './mutator.mjs';
import { Watchdog } from './watchdog.mjs';
import { inputName, writeFinding } from './write-finding.mjs';

const LONGEST = 4096;
const MEGABYTES = 2048;
const [module, corpus, findings, seconds, seed = String(process.pid), limit = '20'] = process.argv.slice(2);
const target = basename(corpus);
const { branches, words } = JSON.parse(readFileSync(join(dirname(module), 'instrument.json'), 'utf8'));
const counts = new Uint32Array(branches);
globalThis.__branches = counts;
const features = new Features(counts);
const { fuzz } = createRequire(import.meta.url)(module);
const limits = { seconds: Number(limit), megabytes: MEGABYTES };
const watchdog = new Watchdog({ findings, target, longest: LONGEST, limits });
const inputs = [];
const mutator = new Mutator(Number(seed), inputs, { words, longest: LONGEST });
let executions = 0;
let slowest = 0;

for (const [file, input] of files()) {
  if (!tryInput(input) && Number(seconds) === 0) rmSync(file);
}
if (inputs.length === 0) inputs.push({ bytes: new Uint8Array(0), milliseconds: 0 });
console.log(`began with features ${features.known}`);
const end = performance.now() + 1000 * Number(seconds);
while (performance.now() < end) {
  const input = mutator.next();
  if (tryInput(input)) writeFileSync(join(corpus, inputName(input)), input);
}
console.log(
  `executed ${executions} features ${features.known} corpus ${inputs.length} slowest ${slowest.toFixed(0)} ms seed ${seed}`,
);
await watchdog.stop();

/** The shortest first: of those that reach the same they are the ones to keep. */
function files() {
  const all = readdirSync(corpus).map((name) => [join(corpus, name), readFileSync(join(corpus, name))]);
  return all.sort(([name, a], [other, b]) => a.length - b.length || (name < other ? -1 : 1));
}

/** Whether it has reached anything new. */
function tryInput(input) {
  const began = performance.now();
  executions++;
  watchdog.begin(input);
  try {
    fuzz(Uint8Array.from(input));
  } catch (error) {
    console.error(`${writeFinding(findings, target, input)}\n${error?.stack ?? error}`);
    process.exit(77);
  }
  const milliseconds = performance.now() - began;
  slowest = Math.max(slowest, milliseconds);
  if (features.take() === 0) return false;
  inputs.push({ bytes: input, milliseconds });
  return true;
}
