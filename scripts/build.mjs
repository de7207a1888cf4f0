#!/usr/bin/env node
/** `npm run build`: packages and the native add-on, incrementally. */
import { PrepareError, prepare } from './prepare.mjs';

try {
  await prepare();
} catch (error) {
  if (!(error instanceof PrepareError)) throw error;
  console.error(`shardvpn: ${error.message}`);
  process.exitCode = 1;
}
