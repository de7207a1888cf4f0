import { describe, expect, test } from '@jest/globals';
import { PostBatch } from './post-batch.js';

describe('PostBatch', () => {
  test('the messages of a turn leave together and in order, at its end', async () => {
    const posted: (readonly number[])[] = [];
    const batch = new PostBatch<number>((messages) => posted.push(messages));
    batch.push(1);
    batch.push(2);
    expect(posted).toEqual([]);
    await Promise.resolve();
    expect(posted).toEqual([[1, 2]]);
    batch.push(3);
    await Promise.resolve();
    expect(posted).toEqual([[1, 2], [3]]);
  });
});
