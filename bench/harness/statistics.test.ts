import { expect, test } from '@jest/globals';
import { median, percentile, spread } from './statistics.js';

test('the median of an odd and of an even number, in any order', () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});

test('figures that could not be had are left out', () => {
  expect(median([Number.NaN, 3, Number.POSITIVE_INFINITY])).toBe(3);
});

test('a percentile is one of the values', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
  expect(percentile(hundred, 0.5)).toBe(50);
  expect(percentile(hundred, 0.07)).toBe(7);
  expect(percentile(hundred, 0.99)).toBe(99);
  expect(percentile(hundred, 0.999)).toBe(100);
  expect(percentile(hundred, 0)).toBe(1);
  expect(percentile([], 0.5)).toBeNaN();
});

test('the spread is against the median', () => {
  expect(spread([8, 10, 13])).toBe(0.5);
});
