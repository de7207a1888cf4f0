import { describe, expect, test } from '@jest/globals';
import type { Log } from '../log.js';
import { FaultLog } from './fault-log.js';

const newLab = () => {
  const lines: string[] = [];
  const say =
    (level: string) =>
    (message: string, fields: object = {}): void =>
      void lines.push([level, message, ...Object.entries(fields).map(([name, value]) => `${name}=${value}`)].join(' '));
  const log: Log = { error: say('error'), warn: say('warn'), info: say('info'), debug: say('debug') };
  const faults = new FaultLog(log);
  return {
    /** A look every second; `lost` says what the counter is at that second. */
    run: (from: number, to: number, lost: (second: number) => number): string[] => {
      for (let now = from; now < to; now++) faults.look(now, new Map([['udp-lost', lost(now)]]));
      return lines.splice(0);
    },
  };
};

const BEGUN = 'warn datagrams are lost: the receive buffer of a UDP socket is full counter=udp-lost';

describe('fault log', () => {
  test('a fault is one line when it begins and one when it is over, however long it lasts', () => {
    const lab = newLab();
    expect(lab.run(0, 5, () => 0)).toEqual([]);
    expect(lab.run(5, 300, (now) => 100 * now)).toEqual([BEGUN]);
    expect(lab.run(300, 309, () => 29_900)).toEqual([]);
    expect(lab.run(309, 400, () => 29_900)).toEqual([`warn over: ${BEGUN.slice(5)} counted=29900 seconds=294`]);
  });

  test('one that comes and goes is told of ever more rarely', () => {
    const lab = newLab();
    const lines = lab.run(0, 3600, (now) => Math.floor(now / 15));
    expect(lines.filter((line) => line === BEGUN)).toHaveLength(2);
    expect(lines.filter((line) => line.startsWith('warn over'))).toHaveLength(1);
  });

  test('what stayed away for long is told of as soon as at first', () => {
    const lab = newLab();
    lab.run(0, 31, (now) => Math.floor(now / 15));
    lab.run(31, 1000, () => 2);
    expect(lab.run(1000, 1001, () => 3)).toEqual([BEGUN]);
    expect(lab.run(1001, 1011, () => 3)).toHaveLength(1);
  });

  test('what was counted before the first look is a fault that has begun', () => {
    expect(newLab().run(0, 1, () => 7)).toEqual([BEGUN]);
  });

  test('a counter that is no fault is not told of', () => {
    const lines: string[] = [];
    const write = (line: string): void => void lines.push(line);
    const faults = new FaultLog({ error: write, warn: write, info: write, debug: write });
    faults.look(0, new Map([['udp-received', 5]]));
    expect(lines).toEqual([]);
  });
});
