import { describe, expect, test } from '@jest/globals';
import { SUSPECTS_BYTES, Suspects } from './suspects.js';

/** Workers that die one after the other, each over one of these clients. */
const dying = (...clients: readonly (number | null)[]): Suspects => {
  const memory = new SharedArrayBuffer(SUSPECTS_BYTES);
  for (const client of clients) new Suspects(memory).handle(client);
  return new Suspects(memory);
};

describe('the clients that workers were busy with when they died', () => {
  test('are counted, peer-id 0 like any other', () => {
    const suspects = dying(0, 3, 0, null, 0);
    expect([0, 1, 3].map((peerId) => suspects.deaths(peerId))).toEqual([3, 0, 1]);
  });

  test('are innocent when the worker was done with them', () => {
    const memory = new SharedArrayBuffer(SUSPECTS_BYTES);
    const before = new Suspects(memory);
    before.handle(5);
    before.handle(null);
    expect(new Suspects(memory).deaths(5)).toBe(0);
  });

  test('count once a death', () => {
    const memory = new SharedArrayBuffer(SUSPECTS_BYTES);
    new Suspects(memory).handle(5);
    expect([new Suspects(memory), new Suspects(memory)].map((one) => one.deaths(5))).toEqual([1, 1]);
  });

  test('are forgotten when they are gone, and when there are too many later ones', () => {
    const suspects = dying(1, 2, 2, 3);
    suspects.forget(2);
    suspects.forget(7);
    expect([1, 2, 3].map((peerId) => suspects.deaths(peerId))).toEqual([1, 0, 1]);
    const crowd = dying(50, 1, 2, 3, 4, 50, 5, 6, 7, 8, 9);
    expect([1, 2, 3, 50, 9].map((peerId) => crowd.deaths(peerId))).toEqual([0, 0, 1, 2, 1]);
  });
});
