#!/usr/bin/env node
/** `npm run bench:micro [-- FILTER]`: what the single steps cost, Rust and TypeScript, in one table. */
import { PrepareError, prepare } from '../../scripts/prepare.mjs';

try {
  await prepare();
  const { main } = await import('../dist/micro/main.js');
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof PrepareError)) throw error;
  console.error(`shardvpn: ${error.message}`);
  process.exitCode = 1;
}
