import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Builds the library behind `act as an older client`; see programs/older-peer-info.c. */
export function buildShim(folder) {
  const source = join(dirname(fileURLToPath(import.meta.url)), '../programs/older-peer-info.c');
  execFileSync('gcc', ['-O1', '-Wall', '-shared', '-fPIC', '-o', join(folder, 'older-peer-info.so'), source, '-ldl']);
}
