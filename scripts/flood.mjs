/**
 * `npm run flood -- [--pps 100000] [--seconds 10] [--mbits 200]`: the long form of test/interop/flood.test.ts, which holds the server to
 * what docs/robustness.md says; needs root, and a machine that does nothing else.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { prepare } from './prepare.mjs';
import { root, run } from './workspace.mjs';

const { values } = parseArgs({
  options: Object.fromEntries(['pps', 'seconds', 'mbits'].map((name) => [name, { type: 'string' }])),
});
const { pps = '100000', seconds = '10', mbits = '200' } = values;
const limits = { FLOOD_KEPT: '0.8', FLOOD_NEWCOMER: '10' };
await prepare();
const jest = join(root, 'node_modules/jest/bin/jest.js');
const words = ['--config', 'test/interop/jest.config.mjs', 'test/interop/flood.test.ts'];
const env = { NODE_OPTIONS: '', FLOOD_PPS: pps, FLOOD_SECONDS: seconds, FLOOD_MBITS: mbits, ...limits };
const { code } = await run([process.execPath, jest, ...words], { env });
process.exitCode = code;
