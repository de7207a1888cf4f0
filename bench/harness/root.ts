import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. This file runs as bench/dist/harness/root.js. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../..');
