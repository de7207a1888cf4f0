import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { joinStreams } from './join-streams.js';

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'nextTick'] }));
afterEach(() => void jest.useRealTimers());

/** A socket whose other end takes what is written, or nothing at all. */
class Line extends Duplex {
  readonly taken: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #reads: boolean;

  constructor(reads: boolean) {
    super({ allowHalfOpen: true });
    this.#reads = reads;
  }

  setTimeout(milliseconds: number, callback: () => void): void {
    this.#timer = setTimeout(callback, milliseconds);
  }

  override _read(): void {}

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.taken.push(String(chunk));
    if (this.#reads) done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#timer);
    done(error);
  }
}

const joined = (reads: boolean, idle: number) => {
  const [near, far, closed]: [Line, Line, unknown[]] = [new Line(reads), new Line(true), []];
  joinStreams(near, far, { idle, onClose: (stream) => closed.push(stream) });
  return { near, far, closed };
};

test('both say what they have to say, and are closed when both have ended', async () => {
  const { near, far, closed } = joined(true, 60_000);
  near.push('question');
  near.push(null);
  await once(far, 'finish');
  far.push('answer');
  far.push(null);
  await Promise.all([once(near, 'close'), once(far, 'close')]);
  expect([far.taken, near.taken, closed.length]).toEqual([['question'], ['answer'], 2]);
});

test('one that does not read what was left for it is ended although the other is gone', async () => {
  const { near, far, closed } = joined(false, 500);
  near.push('question');
  near.push(null);
  far.push('answer');
  far.push(null);
  await once(far, 'close');
  jest.advanceTimersByTime(499);
  expect(near.destroyed).toBe(false);
  const ended = once(near, 'close');
  jest.advanceTimersByTime(1);
  await ended;
  expect(closed).toEqual([far, near]);
});

test('what fails takes the other one along', async () => {
  const { near, far } = joined(true, 60_000);
  const ended = once(near, 'close');
  far.destroy(new Error('reset by peer'));
  await ended;
});
