import { expect, test } from '@jest/globals';
import { SERVER_OPTIONS } from '../../../../test/sim/pair.js';
import { admissionOrder } from './admission-order.js';

const key = new Uint8Array(256).fill(7);

test.each([
  ['md5', null],
  ['sha1', 'tls-auth'],
  ['sha512', 'tls-auth'],
] as const)('tls-auth with %s', (digest, wrap) => {
  const order = admissionOrder({ ...SERVER_OPTIONS, wrap: { type: 'tls-auth', key, direction: 0, digest } }, 1000);
  expect(order?.wrap.type ?? null).toBe(wrap);
});
