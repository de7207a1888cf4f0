import { expect, test } from '@jest/globals';
import { parseStaticKey } from '@shardvpn/core';
import { encodeStaticKey } from './static-key.js';

test('is read back as it was', () => {
  const key = Uint8Array.from({ length: 256 }, (_, i) => i);
  expect(parseStaticKey(encodeStaticKey(key), 'x')).toEqual(key);
});

test('is random unless given', () => {
  expect(encodeStaticKey()).not.toBe(encodeStaticKey());
  expect(encodeStaticKey().split('\n')).toHaveLength(19);
});
