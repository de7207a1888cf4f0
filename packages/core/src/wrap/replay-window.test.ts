import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ReplayCounter } from './replay-counter.js';
import { ReplayWindow } from './replay-window.js';

const id = (counter: number, time = 1000) => ({ counter, time });

describe('the replay window', () => {
  test('takes every id once', () => {
    const window = new ReplayWindow();
    expect([1, 3, 2, 3, 2, 1].map((n) => window.accept(id(n), 0))).toEqual([true, true, true, false, false, false]);
  });

  test('counter 0 is never valid', () => {
    expect(new ReplayWindow().accept(id(0), 0)).toBe(false);
  });

  test('reaches back 63 ids behind the highest', () => {
    const window = new ReplayWindow();
    window.accept(id(100), 0);
    expect(window.accept(id(37), 0)).toBe(true);
    expect(window.accept(id(36), 0)).toBe(false);
  });

  test('a jump forgets what it leaves behind', () => {
    const window = new ReplayWindow();
    window.accept(id(1), 0);
    window.accept(id(1_000_000), 0);
    expect(window.accept(id(1_000_000 - 63), 0)).toBe(true);
    expect(window.accept(id(1), 0)).toBe(false);
  });

  test('a later time starts again, an earlier one is refused', () => {
    const window = new ReplayWindow();
    window.accept(id(50, 1000), 0);
    expect(window.accept(id(1, 1001), 0)).toBe(true);
    expect(window.accept(id(51, 1000), 0)).toBe(false);
    expect(window.accept(id(1, 1001), 0)).toBe(false);
  });

  test('an id that is 15 seconds behind a higher one is refused', () => {
    const window = new ReplayWindow();
    window.accept(id(5), 0);
    window.accept(id(8), 10_000);
    expect(window.accept(id(4), 14_999)).toBe(true);
    expect(window.accept(id(3), 15_000)).toBe(false);
    expect(window.accept(id(7), 15_000)).toBe(true);
  });

  test('is as large and as patient as replay-window says', () => {
    const window = new ReplayWindow({ size: 4, seconds: 2 });
    window.accept(id(100), 0);
    expect(window.accept(id(96), 0)).toBe(false);
    expect(window.accept(id(97), 1_999)).toBe(true);
    expect(window.accept(id(98), 2_000)).toBe(false);
    const patient = new ReplayWindow({ size: 65536, seconds: 0 });
    patient.accept(id(100), 0);
    expect(patient.accept(id(99), 1e9)).toBe(true);
    expect(patient.accept(id(36), 0)).toBe(false);
  });

  test.each([0, 1])('of size %i takes nothing out of order', (size) => {
    const window = new ReplayWindow({ size, seconds: 15 });
    expect([1, 3, 2, 3, 4].map((n) => window.accept(id(n), 0))).toEqual([true, true, false, false, true]);
    const restored = ReplayWindow.restore(window.state, 0, { size, seconds: 15 });
    expect([4, 3, 5].map((n) => restored.accept(id(n), 0))).toEqual([false, false, true]);
  });

  test('agrees with a plain list of everything seen', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 400 }), (counters) => {
        const window = new ReplayWindow();
        const seen = new Set<number>();
        for (const counter of counters) {
          const fresh = counter > 0 && !seen.has(counter) && counter > Math.max(0, ...seen) - 64;
          expect(window.accept(id(counter), 0)).toBe(fresh);
          if (fresh) {
            seen.add(counter);
          }
        }
      }),
    );
  });
});

describe('the replay counter', () => {
  test('starts at 1 and keeps its time', () => {
    const counter = new ReplayCounter(1000);
    expect(counter.next(1000)).toEqual(id(1));
    expect(counter.next(1007)).toEqual(id(2));
  });

  test('continues behind a stateless reset', () => {
    expect(new ReplayCounter(1000, 1).next(1000)).toEqual(id(2));
  });

  test('moves its time on when it wraps, even when the clock has not', () => {
    const counter = new ReplayCounter(1000, 0xfffffffe);
    expect(counter.next(1000)).toEqual(id(0xffffffff));
    expect(counter.next(900)).toEqual(id(1, 1001));
  });

  test('a window takes everything a counter deals', () => {
    const counter = new ReplayCounter(1000, 0xffffff00);
    const window = new ReplayWindow();
    for (let i = 0; i < 1000; i++) {
      expect(window.accept(counter.next(1000 + i), i)).toBe(true);
    }
  });
});
