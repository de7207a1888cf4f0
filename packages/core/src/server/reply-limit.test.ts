import { describe, expect, test } from '@jest/globals';
import { ReplyLimit } from './reply-limit.js';

const create = (count: number): ReplyLimit => new ReplyLimit({ count, seconds: 10 }, Uint8Array.of(7, 7, 7, 7));

describe('answers to resets', () => {
  test('so many for an address and a period', () => {
    const limit = create(2);
    expect([0, 1, 2].map((now) => limit.take(now, '192.0.2.1'))).toEqual([true, true, false]);
    expect(limit.take(9999, '192.0.2.1')).toBe(false);
    expect(limit.take(10_000, '192.0.2.1')).toBe(true);
  });

  test('a handshake that completes is not counted', () => {
    const limit = create(1);
    expect(limit.take(0, '192.0.2.1')).toBe(true);
    limit.refund('192.0.2.1');
    expect([1, 2].map((now) => limit.take(now, '192.0.2.1'))).toEqual([true, false]);
    limit.refund('192.0.2.99');
    expect(limit.take(3, '192.0.2.99')).toBe(true);
  });

  test('forty thousand strangers leave enough for almost everybody else', () => {
    const limit = create(25);
    for (let i = 0; i < 40_000; i++) limit.take(0, `198.18.${i >> 8}.${i & 255}`);
    const clients = Array.from({ length: 1000 }, (_, i) => `203.0.${i >> 8}.${i & 255}`);
    expect(clients.filter((host) => limit.take(1, host)).length).toBe(1000);
  });

  test('one address that floods is stopped, others are not', () => {
    const limit = create(25);
    const taken = Array.from({ length: 1000 }, () => limit.take(0, '198.18.0.1'));
    expect(taken.filter(Boolean)).toHaveLength(25);
    const others = Array.from({ length: 100 }, (_, i) => limit.take(0, `2001:db8::${i.toString(16)}`));
    expect(others.filter(Boolean)).toHaveLength(100);
  });
});
