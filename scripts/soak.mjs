/**
 * `npm run soak -- --minutes 5 [--clients N] [--shards N] [--pps N] [--seed N] [--crash-every SECONDS] [--reload-every SECONDS]`:
 * the long form of test/interop/soak.test.ts.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { prepare } from './prepare.mjs';
import { root, run } from './workspace.mjs';

const NAMES = ['minutes', 'clients', 'shards', 'pps', 'seed', 'crash-every', 'reload-every'];
const { values } = parseArgs({ options: Object.fromEntries(NAMES.map((name) => [name, { type: 'string' }])) });
const env = Object.fromEntries(
  Object.entries({ minutes: '5', ...values }).map(([name, value]) => [
    `SOAK_${name.toUpperCase().replace('-', '_')}`,
    value,
  ]),
);
await prepare();
const jest = join(root, 'node_modules/jest/bin/jest.js');
const words = ['--config', 'test/interop/jest.config.mjs', 'test/interop/soak.test.ts'];
const { code } = await run([process.execPath, jest, ...words], { env: { NODE_OPTIONS: '', ...env } });
process.exitCode = code;
