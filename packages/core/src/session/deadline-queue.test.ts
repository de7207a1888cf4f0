import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DeadlineQueue } from './deadline-queue.js';

const step = fc.record({ item: fc.nat(20), at: fc.option(fc.nat(100), { nil: undefined }) });

test('the queue always knows the earliest deadline of any history', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new DeadlineQueue<number>();
      const model = new Map<number, number>();
      for (const { item, at } of steps) {
        queue.set(item, at === undefined ? undefined : { at, reason: `${at}` });
        at === undefined ? model.delete(item) : model.set(item, at);
        expect(queue.peek()?.at).toBe(model.size === 0 ? undefined : Math.min(...model.values()));
      }
    }),
  );
});

test('due items come once and in order', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(100), { maxLength: 50 }), fc.nat(100), (times, now) => {
      const queue = new DeadlineQueue<number>();
      for (const [item, at] of times.entries()) {
        queue.set(item, { at, reason: '' });
      }
      const due: number[] = [];
      for (let item = queue.pollDue(now); item !== undefined; item = queue.pollDue(now)) {
        due.push(times[item] ?? -1);
      }
      expect(due).toEqual(times.filter((at) => at <= now).toSorted((a, b) => a - b));
    }),
  );
});
