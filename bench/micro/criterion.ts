import { spawnSync } from 'node:child_process';
import { ROOT } from '../harness/root.js';
import type { MicroResult } from './micro-case.js';

const SHORT = ['--warm-up-time', '0.3', '--measurement-time', '1', '--sample-size', '20'];

/** Runs the benches of the Rust crates, shortly; what they complain about goes to the terminal. */
export function runCriterion(filter: string): MicroResult[] {
  const benches = ['aead', 'packets', 'ring'].flatMap((name) => ['--bench', name]);
  const crates = ['-p', 'datapath', '-p', 'shard'];
  const args = ['bench', '--locked', ...crates, ...benches, '--', ...SHORT, ...(filter === '' ? [] : [filter])];
  const cargo = spawnSync('cargo', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (cargo.status !== 0) throw new Error('the Rust benches have failed (see above)');
  return parseCriterion(cargo.stdout);
}

/** From criterion's output: `NAME time: [LOW UNIT TYPICAL UNIT HIGH UNIT]`, a long name on a line of its own. */
export function parseCriterion(output: string): MicroResult[] {
  const found = output.matchAll(/^(\S.*?)\s+time:\s+\[\S+ \S+ (\S+) (\S+) (\S+) (\S+)\]/gm);
  return [...found].map(([, name = '', typical, typicalUnit, high, highUnit]) => ({
    name,
    typical: Number(typical) * nanoseconds(typicalUnit),
    high: Number(high) * nanoseconds(highUnit),
  }));
}

function nanoseconds(unit = ''): number {
  const factor = { ps: 1e-3, ns: 1, µs: 1e3, us: 1e3, ms: 1e6, s: 1e9 }[unit];
  if (factor === undefined) throw new Error(`criterion gave a time in ${unit}`);
  return factor;
}
