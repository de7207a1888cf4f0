import { expect, test } from '@jest/globals';
import { payloads } from './alone.js';

const none = { packets: 7, bytes: 1000 };
const tunnel = { perPayload: 0, perPacket: 28 };
const path = { perPayload: 52, perPacket: 42 };

test('payloads are counted alike, joined or not', () => {
  expect(payloads(none, { packets: 7 + 94, bytes: 1000 + 94 * (28 + 1372) }, 1372, tunnel)).toBe(94);
  expect(payloads(none, { packets: 7 + 2, bytes: 1000 + 2 * 28 + 94 * 1372 }, 1372, tunnel)).toBe(94);
});

test('what each payload is wrapped in is no payload', () => {
  expect(payloads(none, { packets: 7 + 94, bytes: 1000 + 94 * (42 + 52 + 1372) }, 1372, path)).toBe(94);
  expect(payloads(none, { packets: 7 + 2, bytes: 1000 + 2 * 42 + 94 * (52 + 1372) }, 1372, path)).toBe(94);
});

test('a stray packet does not add to them', () => {
  const joined = { packets: 7 + 3, bytes: 1000 + 2 * (28 + 47 * 1372) + 48 };
  expect(payloads(none, joined, 1372, tunnel)).toBe(94);
});
