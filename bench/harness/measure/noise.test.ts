import { expect, test } from '@jest/globals';
import { isNoisy, noiseBetween } from './noise.js';

const begin = { at: 100, busy: 50, steal: 1, ours: 20, kernelThreads: 3 };

test('foreign time is what is neither ours nor the kernel threads', () => {
  const noise = noiseBetween(begin, { at: 110, busy: 65, steal: 2, ours: 30, kernelThreads: 4 }, 2);
  expect(noise).toEqual({ foreign: (15 - 10 - 1) / 20, steal: 1 / 20 });
  expect(isNoisy(noise)).toBe(true);
});

test('less than nothing is nothing', () => {
  const noise = noiseBetween(begin, { at: 110, busy: 60, steal: 1, ours: 30.1, kernelThreads: 3.1 }, 2);
  expect(noise).toEqual({ foreign: 0, steal: 0 });
  expect(isNoisy(noise)).toBe(false);
});
