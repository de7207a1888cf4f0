import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ACKS_PER_ACK, ACKS_PER_PACKET, AckQueue } from './acks.js';

const queue = (...ids: number[]): AckQueue => {
  const acks = new AckQueue();
  for (const id of ids) {
    acks.enqueue(id);
  }
  return acks;
};

describe('the ack queue', () => {
  test('owes nothing before the first packet', () => {
    expect(queue().hasPending).toBe(false);
    expect(queue().take(ACKS_PER_ACK)).toEqual([]);
  });

  test('repeats the latest acks behind the owed ones', () => {
    const acks = queue(0, 1);
    expect(acks.take(ACKS_PER_ACK)).toEqual([0, 1]);
    expect(acks.hasPending).toBe(false);
    acks.enqueue(2);
    expect(acks.take(ACKS_PER_ACK)).toEqual([2, 1, 0]);
    expect(acks.take(2)).toEqual([2, 1]);
  });

  test('what does not fit stays owed', () => {
    const acks = queue(0, 1, 2, 3, 4, 5);
    expect(acks.take(ACKS_PER_PACKET)).toEqual([0, 1, 2, 3]);
    expect(acks.hasPending).toBe(true);
    expect(acks.take(ACKS_PER_PACKET)).toEqual([4, 5, 3, 2]);
  });

  test('a duplicate is acked again', () => {
    const acks = queue(0);
    acks.take(ACKS_PER_ACK);
    acks.enqueue(0);
    acks.enqueue(0);
    expect(acks.hasPending).toBe(true);
    expect(acks.take(ACKS_PER_ACK)).toEqual([0]);
  });

  test('acks every id, without repeating one in a list and without going over the limit', () => {
    const steps = fc.array(fc.oneof(fc.integer({ min: 0, max: 30 }), fc.constantFrom('ack', 'packet')));
    fc.assert(
      fc.property(steps, (list) => {
        const acks = new AckQueue();
        const owed = new Set<number>();
        for (const step of list) {
          if (typeof step === 'number') {
            acks.enqueue(step);
            owed.add(step);
            continue;
          }
          const limit = step === 'ack' ? ACKS_PER_ACK : ACKS_PER_PACKET;
          const due = Math.min(limit, owed.size);
          const taken = acks.take(limit);
          expect(taken.length).toBeLessThanOrEqual(limit);
          expect(new Set(taken).size).toBe(taken.length);
          expect(taken.filter((id) => owed.delete(id)).length).toBe(due);
        }
        expect(acks.hasPending).toBe(owed.size > 0);
      }),
    );
  });
});
