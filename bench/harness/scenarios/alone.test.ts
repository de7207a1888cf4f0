import { expect, test } from '@jest/globals';
import { payloads } from './alone.js';

test('payloads are counted alike, joined or not', () => {
  const none = { packets: 7, bytes: 1000 };
  expect(payloads(none, { packets: 7 + 94, bytes: 1000 + 94 * (28 + 1372) }, 1372)).toBe(94);
  expect(payloads(none, { packets: 7 + 2, bytes: 1000 + 2 * 28 + 94 * 1372 }, 1372)).toBe(94);
});

test('a stray packet does not add to them', () => {
  const none = { packets: 0, bytes: 0 };
  expect(payloads(none, { packets: 3, bytes: 2 * (28 + 47 * 1372) + 48 }, 1372)).toBe(94);
});
