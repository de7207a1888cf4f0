#!/usr/bin/env node
/** `npm run bench -- SCENARIO [options]`: builds what is out of date, then measures. */
import { PrepareError, prepare } from '../scripts/prepare.mjs';
import { buildLoad } from './load/build.mjs';

try {
  await prepare();
  buildLoad();
  const { main } = await import('./dist/harness/main.js');
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof PrepareError)) throw error;
  console.error(`shardvpn: ${error.message}`);
  process.exitCode = 1;
}
