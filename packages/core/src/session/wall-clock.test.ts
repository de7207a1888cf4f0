import { expect, test } from '@jest/globals';
import { WallClock } from './wall-clock.js';

test('follows a clock that is set forward, and never goes back', () => {
  const clock = new WallClock(5000, 1_000_000);
  expect(clock.unixAt(65_000)).toBe(1_000_060);
  for (const said of [0, 1_000_059, 1_000_061]) expect(clock.follow(65_000, said)).toBe(false);
  expect(clock.unixAt(65_000)).toBe(1_000_060);
  expect(clock.follow(65_000, 1_700_000_000)).toBe(true);
  expect(clock.follow(66_000, 1_600_000_000)).toBe(false);
  expect(clock.unixAt(67_999)).toBe(1_700_000_002);
});
