import { basename, join } from 'node:path';
import { root, run } from '../workspace.mjs';

const TRIPLE = process.arch === 'arm64' ? 'aarch64-unknown-linux-gnu' : 'x86_64-unknown-linux-gnu';
/** What libFuzzer needs to see: edges, comparisons and their places. A stable compiler has it as passes of LLVM. */
const COVERAGE = ['level=4', 'inline-8bit-counters', 'pc-table', 'trace-compares'];
const FLAGS = [
  '--cfg fuzzing',
  '-Cpasses=sancov-module',
  ...COVERAGE.map((what) => `-Cllvm-args=-sanitizer-coverage-${what}`),
  '-Cdebug-assertions',
  '-Coverflow-checks',
];

/** Builds the crate `fuzz` with libFuzzer; needs a C++ compiler. `--target` keeps the flags away from build scripts. */
export async function buildRustFuzzer() {
  const words = ['cargo', 'build', '--release', '--locked', '-p', 'fuzz', '--features', 'libfuzzer'];
  const place = ['--target', TRIPLE, '--target-dir', join(root, 'target/fuzz')];
  const { code } = await run([...words, ...place], { env: { RUSTFLAGS: FLAGS.join(' '), CARGO_INCREMENTAL: '0' } });
  if (code !== 0) throw new Error('the fuzz targets do not build');
  const program = join(root, 'target/fuzz', TRIPLE, 'release/fuzz');
  const command = (corpus, findings, seconds) => [
    program,
    corpus,
    `-max_total_time=${seconds}`,
    '-max_len=4096',
    '-print_final_stats=1',
    `-artifact_prefix=${join(findings, `${basename(corpus)}-`)}`,
  ];
  const shorten = (all, few) => [program, '-set_cover_merge=1', few, all];
  return { env: {}, command, shorten };
}
