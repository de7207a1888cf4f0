import { describe, expect, test } from '@jest/globals';
import type { Log } from '../log.js';
import { steerTun } from './tun-steering.js';

const newLab = (fds: number[], refusal: string | null = null, inherited: number[] | null = null) => {
  const calls: string[] = [];
  const log = { warn: (text: string) => calls.push(`warn ${text}`) } as unknown as Log;
  const native = {
    steerTun: (plane: number, fd: number) => {
      calls.push(`steer ${plane} ${fd}`);
      if (refusal !== null) throw Object.assign(new Error('cannot make a BPF map'), { code: refusal });
    },
    adoptSteering: (plane: number, fd: number, descriptors: number[]) => {
      calls.push(`adopt ${plane} ${fd} ${descriptors}`);
    },
  };
  return { calls, steering: steerTun(native, 7, { name: 'tun0', fds }, log, inherited) };
};

describe('steerTun', () => {
  test('steers a device of several queues, and again when it was made anew', () => {
    const { calls, steering } = newLab([10, 11]);
    expect(steering.by).toBe('bpf');
    steering.attach();
    expect(calls).toEqual(['steer 7 10', 'steer 7 10']);
  });

  test('goes on with the maps of another process, and again when the device was made anew', () => {
    const { calls, steering } = newLab([10, 11], null, [20, 21, 22]);
    steering.attach();
    expect([steering.by, calls]).toEqual(['bpf', ['adopt 7 10 20,21,22', 'steer 7 10']]);
    expect(newLab([10, 11], null, []).calls).toEqual([]);
  });

  test('leaves a device of one queue alone', () => {
    const { calls, steering } = newLab([10]);
    steering.attach();
    expect([steering.by, calls]).toEqual(['flow', []]);
  });

  test.each([
    ['EPERM', 'cannot make a BPF map; this needs root or CAP_BPF'],
    ['EINVAL', 'cannot make a BPF map'],
  ])('goes on after %s, which is told once', (code, reason) => {
    const { calls, steering } = newLab([10, 11], code);
    steering.attach();
    expect(steering.by).toBe('flow');
    expect(calls).toEqual([
      'steer 7 10',
      `warn packets for tun0 are steered by flow and handed from shard to shard: ${reason}`,
    ]);
  });
});
