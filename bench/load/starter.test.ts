import { expect, test } from '@jest/globals';
import { Starter } from './starter.js';

test('at a rate the clients start evenly, and all of them once', () => {
  let now = 1000;
  const starter = new Starter({ type: 'rate', perSecond: 200 }, 5, () => now);
  starter.begin();
  const starts = [0, 4, 6, 14, 1000, 2000].map((at) => {
    now = 1000 + at;
    return starter.takeDue();
  });
  expect(starts).toEqual([[0], [], [1], [2], [3, 4], []]);
});

test('at a width a client starts for each that has settled', () => {
  const starter = new Starter({ type: 'width', handshakes: 2 }, 4, () => 0);
  starter.begin();
  expect(starter.takeDue()).toEqual([0, 1]);
  expect(starter.takeDue()).toEqual([]);
  starter.settle();
  expect(starter.takeDue()).toEqual([2]);
  starter.settle();
  starter.settle();
  expect(starter.takeDue()).toEqual([3]);
});
