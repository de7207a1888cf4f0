import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ByteQueue } from './byte-queue.js';

test('whatever the pieces, the bytes come out in order and none is lost', () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 20 });
  fc.assert(
    fc.property(chunks, fc.integer({ min: 1, max: 25 }), (input, limit) => {
      const queue = new ByteQueue();
      for (const chunk of input) {
        queue.push(chunk);
      }
      const output: number[] = [];
      while (queue.length > 0) {
        const taken = queue.take(limit);
        expect(taken.length).toBe(Math.min(limit, queue.length + taken.length));
        output.push(...taken);
      }
      expect(output).toEqual(input.flatMap((chunk) => [...chunk]));
    }),
  );
});
