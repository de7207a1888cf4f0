import { describe, expect, test } from '@jest/globals';
import type { Log } from '../log.js';
import { filterFloods } from './flood-filter.js';

const run = (refusal: string | null): { done: boolean; lines: string[] } => {
  const lines: string[] = [];
  const log = { info: (text: string) => lines.push(text) } as unknown as Log;
  const native = {
    filterFloods: (plane: number) => {
      expect(plane).toBe(7);
      if (refusal !== null) throw Object.assign(new Error('cannot make a BPF map'), { code: refusal });
    },
  };
  return { done: filterFloods(native, 7, log), lines };
};

describe('filterFloods', () => {
  test('says nothing where the kernel takes it', () => {
    expect(run(null)).toEqual({ done: true, lines: [] });
  });

  test('goes on without it, and says what is missing', () => {
    const refused = 'floods are filtered by the data threads alone: cannot make a BPF map';
    expect(run('EPERM')).toEqual({ done: false, lines: [`${refused}; this needs root or CAP_BPF`] });
    expect(run('EINVAL')).toEqual({ done: false, lines: [refused] });
  });
});
