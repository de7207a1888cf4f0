/**
 * `npm run flood -- [--only reset|twice|random|replay] [--pps 100000] [--lasts 60] [--seconds 10] [--mbits 100]`: the long form of
 * test/interop/flood.test.ts, which holds the server to what docs/robustness.md says; needs root, and a machine that does nothing else.
 * `--mbits 0` measures a stream over TCP that takes what it gets, which shares the CPUs with the flood itself: give it a `--kept` that
 * your machine can hold. `keptBeside` is the stream in the flood beside the stream while the same flood goes to a port that nobody
 * reads, so without what the flooder and the packets' way to the server cost. `--server openvpn` measures the reference server.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { prepare } from './prepare.mjs';
import { root, run } from './workspace.mjs';

const DEFAULTS = { pps: '100000', lasts: '60', seconds: '10', mbits: '100', kept: '0.8', newcomer: '10' };
const names = [...Object.keys(DEFAULTS), 'only', 'server'];
const { values } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) });
const { server = 'shardvpn', ...others } = values;
const settings = Object.entries({ ...DEFAULTS, ...others, beside: '1' });
await prepare();
const jest = join(root, 'node_modules/jest/bin/jest.js');
const words = ['--config', 'test/interop/jest.config.mjs', 'test/interop/flood.test.ts'];
const env = Object.fromEntries(settings.map(([name, value]) => [`FLOOD_${name.toUpperCase()}`, value]));
const { code } = await run([process.execPath, jest, ...words], {
  env: { NODE_OPTIONS: '', INTEROP_SERVER: server, ...env },
});
process.exitCode = code;
