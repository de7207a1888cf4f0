import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeKeys } from '../harness/lab/make-keys.js';
import { configCases } from './cases/config.js';
import { controlPacketCases } from './cases/control-packets.js';
import { handshakeCases } from './cases/handshake.js';
import { registryCases } from './cases/registry.js';
import { ringCases } from './cases/ring.js';
import { runCriterion } from './criterion.js';
import { measure } from './measure.js';
import type { MicroResult } from './micro-case.js';
import { microTable } from './micro-table.js';

/** Resolves to the exit code. `FILTER` is a part of the names to run. */
export async function main(args: readonly string[]): Promise<number> {
  const [filter = ''] = args;
  if (args.length > 1 || filter.startsWith('-')) {
    console.error('npm run bench:micro [-- FILTER]');
    return filter === '--help' ? 0 : 2;
  }
  const results = [...runCriterion(filter), ...(await runTypeScript(filter))];
  if (results.length === 0) {
    console.error(`nothing is called ${filter}`);
    return 2;
  }
  console.log(microTable(results));
  return 0;
}

async function runTypeScript(filter: string): Promise<MicroResult[]> {
  const keys = mkdtempSync(join(tmpdir(), 'shardvpn-micro-'));
  try {
    makeKeys(keys);
    const cases = [
      ...ringCases(),
      ...(await registryCases()),
      ...(await controlPacketCases()),
      ...configCases(keys),
      ...handshakeCases(keys),
    ];
    return await measure(cases.filter(({ name }) => name.includes(filter)));
  } finally {
    rmSync(keys, { recursive: true });
  }
}
