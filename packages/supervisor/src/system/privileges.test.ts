import { describe, expect, test } from '@jest/globals';
import type { Log } from '../log.js';
import { dropPrivileges, type ProcessIdentity } from './privileges.js';

const newLab = (uid: number, fails = '') => {
  const calls: string[] = [];
  const call = (name: string) => (value: unknown) => {
    calls.push(`${name} ${JSON.stringify(value)}`);
    if (name === fails) throw Object.assign(new Error('user does not exist'), { code: 'ERR_UNKNOWN_CREDENTIAL' });
  };
  const self = {
    getuid: () => uid,
    setuid: call('setuid'),
    setgid: call('setgid'),
    setgroups: call('setgroups'),
  } as ProcessIdentity;
  const write = (line: string): void => void calls.push(line);
  const log: Log = { error: write, warn: write, info: write, debug: write };
  return { drop: (user: string | null, group: string | null) => dropPrivileges({ user, group }, log, self), calls };
};

describe('privileges', () => {
  test('groups go before the uid, which would forbid it', () => {
    const lab = newLab(0);
    lab.drop('nobody', 'nogroup');
    expect(lab.calls).toEqual(['setgroups ["nogroup"]', 'setgid "nogroup"', 'setuid "nobody"', 'privileges dropped']);
  });

  test('a user alone loses the supplementary groups', () => {
    const lab = newLab(0);
    lab.drop('nobody', null);
    expect(lab.calls).toEqual(['setgroups []', 'setuid "nobody"', 'privileges dropped']);
  });

  test('nothing is asked, nothing is done', () => {
    const lab = newLab(0);
    lab.drop(null, null);
    expect(lab.calls).toEqual([]);
  });

  test('who is not root is told', () => {
    const lab = newLab(1000);
    lab.drop('nobody', null);
    expect(lab.calls).toEqual([expect.stringContaining('no effect')]);
  });

  test('an unknown user is a configuration error', () => {
    expect(() => newLab(0, 'setuid').drop('ghost', null)).toThrow(
      expect.objectContaining({
        code: 'config/cannot-drop-privileges',
        message: expect.stringContaining('cannot become user "ghost":'),
      }),
    );
  });
});
