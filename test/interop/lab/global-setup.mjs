import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeKeys } from './make-keys.mjs';
import { buildShim } from './make-shim.mjs';
import { prefixOf, removeFolder, sweep, sweepAbandoned } from './sweep.mjs';

/** Key material for the whole run, and the promise that nothing is left when the run is interrupted. */
export default async function globalSetup() {
  if (process.getuid?.() !== 0) throw new Error('the interop suite makes network namespaces: run it as root');
  sweepAbandoned();
  const folder = mkdtempSync(join(tmpdir(), 'shardvpn-interop-'));
  chmodSync(folder, 0o755);
  process.env.INTEROP_DIR = folder;
  process.env.INTEROP_PREFIX = prefixOf(process.pid);
  process.env.INTEROP_SERVER ??= 'shardvpn';
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      sweep(process.env.INTEROP_PREFIX);
      removeFolder(folder);
      process.exit(130);
    });
  }
  makeKeys(join(folder, 'keys'));
  buildShim(folder);
}
