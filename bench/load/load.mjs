#!/usr/bin/env node
/**
 * Thousands of simulated OpenVPN clients in one process. `node bench/load/load.mjs --help` says how.
 * Builds what it needs first, which takes no time when nothing has changed.
 */
import { prepare } from '../../scripts/prepare.mjs';
import { buildLoad } from './build.mjs';

await prepare();
buildLoad();
const { main } = await import('../dist/load/main.js');
process.exitCode = await main(process.argv.slice(2));
