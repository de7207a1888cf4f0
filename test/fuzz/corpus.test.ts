import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { TARGETS } from './targets.js';

const corpus = join(__dirname, 'corpus');

/** Inputs of a target, each behind its length in two bytes. */
const found = (name: string): Uint8Array[] => {
  const file = join(__dirname, 'found', name);
  const packed = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  const inputs: Uint8Array[] = [];
  for (let at = 0; at < packed.length; ) {
    const end = at + 2 + packed.readUInt16BE(at);
    inputs.push(packed.subarray(at + 2, end));
    at = end;
  }
  return inputs;
};

/** What fuzzing has found worth keeping, once more. */
describe.each(Object.entries(TARGETS))('%s', (name, target) => {
  const files = readdirSync(join(corpus, name));

  test(`takes its corpus of ${files.length}`, () => {
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) target(readFileSync(join(corpus, name, file)));
  });

  const inputs = found(name);
  test(`takes ${inputs.length} that a fuzzer has found`, () => {
    expect(inputs.length).toBeGreaterThan(0);
    for (const input of inputs) target(Uint8Array.from(input));
  });
});

test('every corpus has a target', () => {
  expect(readdirSync(corpus).sort()).toEqual(Object.keys(TARGETS).sort());
});
