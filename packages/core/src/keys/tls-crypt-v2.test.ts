import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fromHex, toHex } from '../../../../test/support/bytes.js';
import { createNodeCrypto } from '../../../../test/support/node-crypto.js';
import { isDrop } from '../drop-reason.js';
import {
  decodeKeyTime,
  encodeKeyData,
  encodeKeyTime,
  MAX_KEY_METADATA,
  splitWrappedKey,
  unwrapClientKey,
  wrapClientKey,
} from './tls-crypt-v2.js';

const crypto = createNodeCrypto();
const serverKey = Uint8Array.from({ length: 128 }, (_, i) => i);
const key = Uint8Array.from({ length: 256 }, (_, i) => i);

describe('a client key', () => {
  test('is wrapped like the reference does it, with its time [wire 19, KAT 3]', () => {
    const metadata = encodeKeyTime(0);
    expect(toHex(metadata)).toBe('010000000000000000');
    const wrapped = wrapClientKey(serverKey, { key, metadata }, crypto);
    expect(wrapped.length).toBe(299);
    expect(toHex(wrapped.subarray(0, 48))).toBe(
      '177da5c074a94619b16be4acb71f1a6ccf24f33c6bbaf498459d5f06c369d4952c78396efd93c2598f4771e068cafca3',
    );
    expect(toHex(wrapped.subarray(-18))).toBe('ce3e08b5323bedf04e6114df11acb31e012b');
  });

  test('is wrapped like the reference does it, with data [wire 19, KAT 3]', () => {
    const wrapped = wrapClientKey(serverKey, { key, metadata: encodeKeyData(fromHex('0000410820c3')) }, crypto);
    expect(toHex(wrapped.subarray(0, 48))).toBe(
      '69eda75582aa170b8c9418fe28248cdb7761bea2d277aa1647eb3a9d94083733e91489b4f2d96ef38e2941e4daac313d',
    );
    expect(toHex(wrapped.subarray(-18))).toBe('8fb595cb230c2255400e9753296d6ace0129');
  });

  test('comes back whole, from behind any packet', () => {
    const metadata = fc.uint8Array({ maxLength: MAX_KEY_METADATA });
    fc.assert(
      fc.property(metadata, fc.uint8Array({ maxLength: 100 }), (data, packet) => {
        const wrapped = wrapClientKey(serverKey, { key, metadata: data }, crypto);
        const split = splitWrappedKey(Uint8Array.of(...packet, ...wrapped));
        if (isDrop(split)) throw new Error(split);
        expect(split.packet).toEqual(packet);
        expect(unwrapClientKey(serverKey, split.wrapped, crypto)).toEqual({ key, metadata: data });
      }),
    );
  });

  test('any changed bit is noticed, and so is another server key', () => {
    const wrapped = wrapClientKey(serverKey, { key, metadata: encodeKeyTime(1_700_000_000) }, crypto);
    for (let i = 0; i < wrapped.length; i++) {
      const changed = wrapped.slice();
      changed[i] = (changed[i] ?? 0) ^ 1;
      expect(unwrapClientKey(serverKey, changed, crypto)).toBe('bad-client-key');
    }
    expect(
      unwrapClientKey(
        serverKey.map((byte) => byte ^ 1),
        wrapped,
        crypto,
      ),
    ).toBe('bad-client-key');
  });

  test('random bytes are dropped, never thrown at', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1200 }), (bytes) => {
        const split = splitWrappedKey(bytes);
        if (!isDrop(split)) expect(unwrapClientKey(serverKey, split.wrapped, crypto)).toBe('bad-client-key');
        expect(unwrapClientKey(serverKey, bytes, crypto)).toBe('bad-client-key');
      }),
    );
  });

  test('says when it was made, or nothing about that', () => {
    expect(decodeKeyTime(encodeKeyTime(1_700_000_000))).toBe(1_700_000_000);
    expect(decodeKeyTime(encodeKeyData(fromHex('0102030405060708')))).toBeNull();
    expect(decodeKeyTime(new Uint8Array(0))).toBeNull();
    expect(decodeKeyTime(fromHex('01 0203'))).toBeNull();
  });
});
