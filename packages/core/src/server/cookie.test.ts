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

test('the data thread bakes the same', () => {
  // Its side of this, with the same values: native/crates/datapath/src/admission/cookie.rs.
  const known: readonly (readonly [number, string, number, string])[] = [
    [0, '192.0.2.9', 5000, 'fff86ff6bfb6648e'],
    [0x0102, '255.255.255.255', 65535, 'e672b8071c744b4c'],
    [1, '2001:db8::5', 1, 'e161cfa9b0ce97a1'],
    [1, '::1', 1194, '62036169bd96d220'],
    [1, '2001:0:0:1::1', 1194, '35d69daa99ca8d94'],
    [32767, '2001:db81:ffff:ffff:ffff:ffff:ffff:ffff', 65535, 'dae1cffa555226ec'],
  ];
  const baked = known.map(([listener, host, port]) =>
    jar.bake(30 * 56_666_666, { listener, host, port }, '0102030405060708' as SessionId),
  );
  expect(baked).toEqual(known.map(([, , , cookie]) => cookie));
});
