import { expect, test } from '@jest/globals';
import { type KeyQuestion, KeyVerdicts } from './key-verdicts.js';

const at = (port: number) => ({ path: { listener: 0, host: '192.0.2.1', port }, bytes: Uint8Array.of(port & 255) });
const question = (key: number): KeyQuestion => ({ key: String(key), metadata: Uint8Array.of(0, key & 255) });

const newVerdicts = (): { verdicts: KeyVerdicts; asked: KeyQuestion[] } => {
  const asked: KeyQuestion[] = [];
  return { verdicts: new KeyVerdicts((one) => asked.push(one)), asked };
};

test('a verdict is used for some seconds, then asked for again', () => {
  const { verdicts, asked } = newVerdicts();
  for (const [verdict, drop, life] of [
    ['accept', null, 10_000],
    ['refuse', 'client-key-refused', 10_000],
    ['unverified', 'client-key-unverified', 3_000],
  ] as const) {
    const key = question(asked.length);
    const before = asked.length;
    expect(verdicts.check(0, key, at(1))).toBe('held');
    expect(verdicts.settle(100, key.key, verdict)).toEqual([at(1)]);
    expect(verdicts.check(100 + life - 1, key, at(2))).toBe(drop);
    expect(asked).toHaveLength(before + 1);
    expect(verdicts.check(100 + life, key, at(2))).toBe('held');
    expect(asked).toHaveLength(before + 2);
  }
});

test('holds the latest packet of eight paths, as they were', () => {
  const { verdicts, asked } = newVerdicts();
  const bytes = Uint8Array.of(1);
  verdicts.check(0, question(1), { ...at(1), bytes });
  bytes[0] = 9;
  for (let port = 2; port <= 8; port++) expect(verdicts.check(0, question(1), at(port))).toBe('held');
  expect(verdicts.check(0, question(1), at(9))).toBe('client-key-pending');
  expect(verdicts.check(0, question(1), { ...at(2), bytes: Uint8Array.of(77) })).toBe('held');
  verdicts.forgetPath(at(3).path);
  const held = verdicts.settle(0, '1', 'accept');
  expect(held.map(({ bytes }) => bytes[0])).toEqual([1, 77, 4, 5, 6, 7, 8]);
  expect(asked).toEqual([question(1)]);
});

test('asks about so many keys at once, and no answer is taken twice or unasked', () => {
  const { verdicts, asked } = newVerdicts();
  for (let key = 0; key < 64; key++) verdicts.check(0, question(key), at(1));
  expect(verdicts.check(0, question(64), at(1))).toBe('client-key-pending');
  expect(verdicts.settle(0, '64', 'accept')).toEqual([]);
  expect(verdicts.settle(0, '5', 'accept')).toHaveLength(1);
  expect(verdicts.settle(0, '5', 'refuse')).toEqual([]);
  expect(verdicts.check(0, question(5), at(1))).toBeNull();
  expect(verdicts.check(0, question(64), at(1))).toBe('held');
  expect(asked).toHaveLength(65);
});

test('remembers a thousand verdicts', () => {
  const { verdicts, asked } = newVerdicts();
  for (let key = 0; key < 1025; key++) {
    verdicts.check(0, question(key), at(1));
    verdicts.settle(0, String(key), 'accept');
  }
  expect(verdicts.check(1, question(0), at(1))).toBe('held');
  expect(verdicts.check(1, question(1), at(1))).toBeNull();
  expect(asked).toHaveLength(1026);
});

test('when whoever decides has changed, nothing that was said counts', () => {
  const { verdicts, asked } = newVerdicts();
  verdicts.check(0, question(1), at(1));
  verdicts.settle(0, '1', 'accept');
  verdicts.check(0, question(2), at(2));
  verdicts.forget();
  expect(verdicts.settle(0, '2', 'accept')).toEqual([at(2)]);
  expect([verdicts.check(0, question(1), at(1)), verdicts.check(0, question(2), at(2))]).toEqual(['held', 'held']);
  expect(asked).toHaveLength(4);
});
