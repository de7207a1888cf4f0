import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { OnceAMinute } from './once-a-minute.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

test('each kind is said once in a minute of its own', () => {
  const faults = new OnceAMinute();
  const saidAt = (kind: string, seconds: readonly number[]) => {
    const start = performance.now();
    return seconds.filter((second) => {
      jest.advanceTimersByTime(start + 1000 * second - performance.now());
      return faults.maySay(kind);
    });
  };
  expect(saidAt('slow', [0, 1, 59, 60, 61, 119, 120])).toEqual([0, 60, 120]);
  expect(saidAt('limit', [0, 30])).toEqual([0]);
  expect(saidAt('slow', [29, 30])).toEqual([30]);
});
