#!/usr/bin/env node
/**
 * `npm start [-- quickstart options]`: everything from a fresh checkout to a listening server.
 * The server runs in this process, so signals and the exit code need nobody in between.
 */
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PrepareError, prepare } from './prepare.mjs';
import { root } from './workspace.mjs';

try {
  checkRights();
  await prepare();
  await quickstart(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof PrepareError)) throw error;
  console.error(`shardvpn: ${error.message}`);
  process.exitCode = 1;
}

function checkRights() {
  if (process.getuid?.() !== 0) {
    throw new PrepareError('a tunnel device needs root: run `sudo npm start`');
  }
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
  } catch {
    throw new PrepareError(
      '/dev/net/tun is missing: run `modprobe tun`, or give the container the device (--device /dev/net/tun)',
    );
  }
}

function quickstart(args) {
  const bin = join(root, 'packages/supervisor/bin/shardvpn.mjs');
  process.argv = [process.execPath, bin, 'quickstart', ...args];
  return import(pathToFileURL(bin).href);
}
