import { describe, expect, test } from '@jest/globals';
import type { DataCommand } from '../data-plane.js';
import { asKeyId, asPeerId } from '../ids.js';
import { suiteOf } from '../keys/data-suite.js';
import { DataKeySchedule, type KeyScheduleState } from './data-key-schedule.js';
import { Fifo } from './outbox.js';
import { sessionTimes } from './session-times.js';

const ADMIN_DEFAULTS = { handWindow: 60, tranWindow: 3600, tlsTimeout: 2 };
const keys = {
  seal: { cipher: new Uint8Array(64), hmac: new Uint8Array(64) },
  open: { cipher: new Uint8Array(64), hmac: new Uint8Array(64) },
};

describe('the key that is sent with', () => {
  test('stays the old one for half the renegotiation period when that has settled', () => {
    const { schedule, usedAt } = scheduleWith(40);
    schedule.installNext(100_050, 100_000, asKeyId(1), keys);
    expect(usedAt(100_050, 200_000)).toBe(120_000);
  });

  test('becomes the new one after a second when the peer renegotiates faster than that', () => {
    const { schedule, usedAt } = scheduleWith(0);
    schedule.installNext(3_050, 3_000, asKeyId(1), keys);
    expect(usedAt(3_050, 100_000)).toBe(4_050);
    schedule.beginNext(6_000);
    schedule.installNext(6_050, 6_000, asKeyId(2), keys);
    expect(usedAt(6_050, 100_000)).toBe(7_050);
  });

  test('stays the old one while the peer has not acked our last word, until that key is retired', () => {
    const { schedule, usedAt } = scheduleWith(40);
    schedule.installNext(100_050, 100_000, asKeyId(1), keys);
    expect(usedAt(100_050, 150_000, () => false)).toBeUndefined();
    expect(usedAt(150_050, 200_000, (now) => now > 170_000)).toBe(170_500);
    schedule.installNext(300_050, 300_000, asKeyId(2), keys);
    expect(usedAt(300_050, 4_000_000, () => false)).toBe(3_900_000);
  });

  test('is the new one at the latest when the next negotiation begins', () => {
    const { schedule, drain } = scheduleWith(40);
    schedule.installNext(100_050, 100_000, asKeyId(1), keys);
    schedule.beginNext(101_000);
    expect(drain()).toContainEqual({ type: 'use-key', peerId: 7, keyId: 1 });
  });
});

test('the lame duck opens what is on its way until the next key needs its place', () => {
  const { schedule, drain } = scheduleWith(40);
  schedule.installNext(100_050, 100_000, asKeyId(1), keys);
  schedule.beginNext(101_000);
  const named = () => drain().map((command) => `${command.type} ${'keyId' in command ? command.keyId : ''}`);
  expect(named()).toEqual(['install-key 0', 'install-key 1', 'use-key 1']);
  schedule.installNext(102_000, 101_000, asKeyId(2), keys);
  expect(named().slice(3)).toEqual(['retire-key 0', 'install-key 2']);
});

describe('a successor', () => {
  const succeed = (before: Partial<KeyScheduleState>) => {
    const { input, queue } = schedulePorts(3600);
    const state = { keyId: asKeyId(0), lameDuck: null, useAt: null, retireAt: null, renegotiateAt: null };
    const schedule = DataKeySchedule.succeed(input, 5_000, asKeyId(0), keys, {
      ...{ ...state, settledAt: 0, expireAt: 4_000 },
      ...before,
    });
    const drain = () =>
      Array.from(
        (function* () {
          for (let command = queue.poll(); command; command = queue.poll()) yield command;
        })(),
        (command) => `${command.type} ${'keyId' in command ? command.keyId : ''}`,
      );
    return { schedule, drain };
  };

  test('stands beside a key with the same id until it is acked, and soon after alone', () => {
    const { schedule, drain } = succeed({});
    expect(drain()).toEqual(['install-key 0']);
    expect(schedule.state).toMatchObject({ keyId: 0, lameDuck: 0, useAt: 65_000, retireAt: 3_605_000, expireAt: null });
    schedule.useNewest(6_000);
    expect(drain()).toEqual(['use-key 0']);
    schedule.handleTimeout(15_999, true);
    expect(drain()).toEqual([]);
    schedule.handleTimeout(16_000, true);
    expect(drain()).toEqual(['retire-key 0']);
    expect(schedule.state).toMatchObject({ lameDuck: null, useAt: null, retireAt: null });
  });

  test('leaves a key with another id for as long as a renegotiation does', () => {
    const { schedule, drain } = succeed({ keyId: asKeyId(3), lameDuck: asKeyId(2), useAt: 9_000, retireAt: 9_000 });
    expect(drain()).toEqual(['use-key 3', 'retire-key 2', 'install-key 0']);
    schedule.useNewest(6_000);
    expect(drain()).toEqual(['use-key 0']);
    expect(schedule.state).toMatchObject({ keyId: 0, lameDuck: 3, retireAt: 3_605_000 });
  });

  test.each([0, 3])('of one that was never used keeps the key %i from before', (id) => {
    const lameDuck = asKeyId(id);
    const { schedule, drain } = succeed({ keyId: asKeyId(0), lameDuck, useAt: 9_000, retireAt: 9_000 });
    expect(drain()).toEqual(['install-key 0']);
    expect(schedule.state).toMatchObject({ keyId: 0, lameDuck });
  });
});

/** A schedule whose first key is there at 0; `usedAt` steps on until a `use-key` comes. */
function scheduleWith(renegSec: number) {
  const { input, queue } = schedulePorts(renegSec);
  const commands: DataCommand[] = [];
  const schedule = DataKeySchedule.begin(input, 0, asKeyId(0), keys);
  const drain = (): readonly DataCommand[] => {
    for (let command = queue.poll(); command; command = queue.poll()) commands.push(command);
    return commands;
  };
  const usedAt = (from: number, to: number, peerHasKey = (_: number) => true): number | undefined => {
    const before = drain().filter(({ type }) => type === 'use-key').length;
    for (let now = from; now <= to; now += 50) {
      schedule.handleTimeout(now, peerHasKey(now));
      if (drain().filter(({ type }) => type === 'use-key').length > before) return now;
    }
    return undefined;
  };
  return { schedule, drain, usedAt };
}

function schedulePorts(renegSec: number) {
  const queue = new Fifo<DataCommand>();
  const input = {
    peerId: asPeerId(7),
    suite: suiteOf('AES-256-GCM'),
    commands: queue,
    times: sessionTimes({ ...ADMIN_DEFAULTS, renegSec }),
    lifeShare: () => 1,
  };
  return { input, queue };
}
