import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { TARGETS } from './targets.js';

const corpus = join(__dirname, 'corpus');

/** What fuzzing has found worth keeping, once more. */
describe.each(Object.entries(TARGETS))('%s', (name, target) => {
  const files = readdirSync(join(corpus, name));

  test(`takes its corpus of ${files.length}`, () => {
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) target(readFileSync(join(corpus, name, file)));
  });
});

test('every corpus has a target', () => {
  expect(readdirSync(corpus).sort()).toEqual(Object.keys(TARGETS).sort());
});
