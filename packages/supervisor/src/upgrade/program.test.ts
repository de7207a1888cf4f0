import { describe, expect, test } from '@jest/globals';
import { takeOverDescriptor, takesOver, withTakeOver } from './program.js';

describe('take-over by environment', () => {
  test('is for a child of the process that says so, and for nobody further on', () => {
    const environment = withTakeOver({ PATH: '/bin' }, 3);
    expect(takeOverDescriptor({ ...environment })).toBeNull();
    const child = Object.fromEntries(
      Object.entries(environment).map(([name, text]) => [name, text?.replace(`${process.pid}:`, `${process.ppid}:`)]),
    );
    expect([takesOver(environment), takesOver(child)]).toEqual([false, true]);
    expect(takeOverDescriptor(child)).toBe(3);
    expect(takesOver(child)).toBe(false);
    expect(child).toEqual({ PATH: '/bin' });
    expect(takeOverDescriptor(child)).toBeNull();
  });

  test.each(['', '3', 'x:3', '1:-3', `${process.ppid}:3x`])('is nothing for %j', (text) => {
    expect(takeOverDescriptor({ SHARDVPN_TAKE_OVER: text })).toBeNull();
  });
});
