import { join } from 'node:path';
import { ROOT } from './root.js';
import type { Side } from './side.js';

export const SHARDVPN = [process.execPath, join(ROOT, 'packages/supervisor/bin/shardvpn.mjs')];

export function ourSide(id = 'shardvpn', label = 'shardvpn', lines: readonly string[] = []): Side {
  return { id, label, ours: true, lines, command: (config) => [...SHARDVPN, '--config', config] };
}
