import { expect, test } from '@jest/globals';
import { createNodeCrypto } from '../../../../test/support/node-crypto.js';
import type { SessionId } from '../wire/session-id.js';
import { CookieJar } from './cookie.js';

const path = { listener: 0, host: '192.0.2.1', port: 1194 };
const client = '0123456789abcdef' as SessionId;
const jar = new CookieJar(createNodeCrypto(), new Uint8Array(32).fill(7), 60);

test('a cookie is good in its slot and the two after it', () => {
  const cookie = jar.bake(3000, path, client);
  const verified = [2999, 3000, 3029, 3030, 3089, 3090].map((unix) => jar.verify(unix, path, client, cookie));
  expect(verified).toEqual([false, true, true, true, true, false]);
});

test('another server with the same key takes it, one with another key does not', () => {
  const cookie = jar.bake(3000, path, client);
  const twin = new CookieJar(createNodeCrypto(), new Uint8Array(32).fill(7), 60);
  const stranger = new CookieJar(createNodeCrypto(), new Uint8Array(32).fill(8), 60);
  expect(twin.verify(3000, path, client, cookie)).toBe(true);
  expect(stranger.verify(3000, path, client, cookie)).toBe(false);
});

test('it belongs to one address, one port, one listener and one client', () => {
  const cookie = jar.bake(3000, path, client);
  const others = [
    { ...path, host: '192.0.2.2' },
    { ...path, port: 1195 },
    { ...path, listener: 1 },
  ];
  expect(others.map((other) => jar.verify(3000, other, client, cookie))).toEqual([false, false, false]);
  expect(jar.verify(3000, path, 'fedcba9876543210' as SessionId, cookie)).toBe(false);
});
