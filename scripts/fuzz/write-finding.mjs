import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Keeps an input that failed; where. */
export function writeFinding(findings, target, input) {
  mkdirSync(findings, { recursive: true });
  const file = join(findings, `${target}-${inputName(input)}`);
  writeFileSync(file, input);
  return file;
}

/** The same for the same bytes. */
export function inputName(input) {
  return createHash('sha256').update(input).digest('hex').slice(0, 16);
}
