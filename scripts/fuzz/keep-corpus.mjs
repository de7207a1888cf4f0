import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from '../workspace.mjs';
import { packCorpus } from './packed-corpus.mjs';

const LONGEST = 1500;
const MOST = 200;
/** Whole lives of servers take long to replay. */
const MOST_OF_SLOW = {
  'pair-life': 40,
  'server-life': 40,
  'session-restore': 60,
  'client-control': 40,
  'reload-plan': 40,
  streams: 100,
};

/** Cuts `corpus` down to short inputs that reach what all of them reach, and packs those into `packed`, which `npm test` replays. */
export async function keepCorpus(fuzzer, name, corpus, packed) {
  const folder = mkdtempSync(join(tmpdir(), 'shardvpn-fuzz-'));
  const [all, few] = ['all', join('few', name)].map((part) => join(folder, part));
  for (const place of [all, few]) mkdirSync(place, { recursive: true });
  for (const file of readdirSync(corpus)) {
    if (statSync(join(corpus, file)).size <= LONGEST) cpSync(join(corpus, file), join(all, file));
  }
  const { code } = await run(fuzzer.shorten(all, few), { env: { ...fuzzer.env, FUZZ_TARGET: name } });
  if (code !== 0) throw new Error(`the corpus of ${name} is not taken`);
  const inputs = readdirSync(few)
    .sort()
    .slice(0, MOST_OF_SLOW[name] ?? MOST)
    .map((file) => readFileSync(join(few, file)));
  mkdirSync(dirname(packed), { recursive: true });
  writeFileSync(packed, packCorpus(inputs));
  rmSync(folder, { recursive: true });
  console.log(`${name}: kept ${inputs.length} of ${readdirSync(corpus).length}`);
}
