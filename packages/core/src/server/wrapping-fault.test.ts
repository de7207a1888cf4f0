import { expect, test } from '@jest/globals';
import type { WrapOptions } from './server-options.js';
import { wrappingFault } from './wrapping-fault.js';

const key = new Uint8Array(256);
const NONE: WrapOptions = { type: 'none' };
const AUTH: WrapOptions = { type: 'tls-auth', key, direction: null, digest: 'sha1' };
const AUTH_256: WrapOptions = { type: 'tls-auth', key, direction: null, digest: 'sha256' };
const CRYPT: WrapOptions = { type: 'tls-crypt', key };

const reset = (length: number): Uint8Array => {
  const packet = new Uint8Array(length);
  packet[0] = 7 << 3;
  return packet;
};

test.each([
  [NONE, 14, null],
  [NONE, 42, 'unexpected-wrapping'],
  [NONE, 54, 'unexpected-wrapping'],
  [AUTH, 42, null],
  [AUTH, 14, 'missing-wrapping'],
  [AUTH, 54, 'other-wrapping'],
  [AUTH_256, 42, 'other-wrapping'],
  [CRYPT, 54, null],
  [CRYPT, 14, 'missing-wrapping'],
  [CRYPT, 42, 'other-wrapping'],
] as const)('%j and a reset of %i bytes: %s', (wrap, length, fault) => {
  expect(wrappingFault(wrap, reset(length))).toBe(fault);
});

test('other packets tell nothing', () => {
  expect(wrappingFault(CRYPT, Uint8Array.of(4 << 3, ...new Uint8Array(30)))).toBeNull();
  expect(wrappingFault(CRYPT, new Uint8Array(0))).toBeNull();
});
