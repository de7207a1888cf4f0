import { afterEach, expect, jest, test } from '@jest/globals';
import { awaitEnd } from './end-signals.js';

afterEach(() => {
  jest.restoreAllMocks();
});

test('one Ctrl-C that arrives twice stops in peace, a later one ends at once', async () => {
  const exit = jest.spyOn(process, 'exit').mockImplementation((() => undefined) as never);
  const clock = jest.spyOn(performance, 'now').mockReturnValue(1_000);
  const end = awaitEnd();
  try {
    process.emit('SIGINT', 'SIGINT');
    clock.mockReturnValue(1_020);
    process.emit('SIGINT', 'SIGINT');
    expect(await end.signal).toBe('SIGINT');
    expect(exit).not.toHaveBeenCalled();
    clock.mockReturnValue(2_000);
    process.emit('SIGTERM', 'SIGTERM');
    expect(exit).toHaveBeenCalledWith(1);
  } finally {
    end.release();
  }
});
