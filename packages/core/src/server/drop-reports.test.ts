import { describe, expect, test } from '@jest/globals';
import type { DropReason } from '../drop-reason.js';
import type { Path } from '../ids.js';
import { DropReports } from './drop-reports.js';

const from = (n: number): Path => ({ listener: 0, host: `198.18.0.${n}`, port: 1000 + n });

const create = () => {
  const told: string[] = [];
  const reports = new DropReports(({ reason, path }) => told.push(`${reason} ${path.host}`));
  const tells = (now: number, path: Path, reason: DropReason): boolean => {
    const before = told.length;
    expect(reports.report(now, path, reason)).toBe(reason);
    return told.length > before;
  };
  return { told, tells };
};

describe('reports of dropped packets', () => {
  test('one for each address and reason a minute', () => {
    const { told, tells } = create();
    expect(tells(0, from(1), 'bad-hmac')).toBe(true);
    expect(tells(1, { ...from(1), port: 7 }, 'bad-hmac')).toBe(false);
    expect(tells(2, from(1), 'bad-client-key')).toBe(true);
    expect(tells(59_999, from(1), 'bad-hmac')).toBe(false);
    expect(tells(60_000, from(1), 'bad-hmac')).toBe(true);
    expect(told).toEqual(['bad-hmac 198.18.0.1', 'bad-client-key 198.18.0.1', 'bad-hmac 198.18.0.1']);
  });

  test('a flood of addresses gets a few lines, and takes none from another reason', () => {
    const { told, tells } = create();
    for (let n = 0; n < 250; n++) tells(n, from(n), 'bad-hmac');
    expect(told).toHaveLength(8);
    expect(tells(250, from(250), 'wrong-key-direction')).toBe(true);
  });

  test('what nobody can mend is not told', () => {
    expect(create().tells(0, from(1), 'unknown-session')).toBe(false);
  });
});
