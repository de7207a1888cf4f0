import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clientConfig } from './lab/configs.js';
import type { Host } from './lab/host.js';
import type { BenchOptions } from './options.js';

/** What the scenarios of one run share. */
export interface Bench {
  readonly options: BenchOptions;
  /** Folder of keys, configurations and logs. */
  readonly folder: string;
  readonly keys: string;
  /** Lines of the user's server.conf. */
  readonly serverLines: readonly string[];
  readonly signal: AbortSignal;
  /** Tells the user what goes on. */
  progress(text: string): void;
}

/** Writes the profile for clients on this host and returns its name. */
export function writeProfile(bench: Bench, host: Host): string {
  const { keys, serverLines, options } = bench;
  const file = join(bench.folder, `${host.namespace}.conf`);
  writeFileSync(file, `${clientConfig(keys, serverLines, host.serverAddress, options.proto).join('\n')}\n`);
  return file;
}
