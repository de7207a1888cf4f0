import { describe, expect, test } from '@jest/globals';
import { fromHex, toHex } from '../../../../test/support/bytes.js';
import { createNodeCrypto } from '../../../../test/support/node-crypto.js';
import { LAB_STATIC_KEY } from '../../../../test/vectors/lab.js';
import { asKeyId } from '../ids.js';
import { decodeSessionId } from '../wire/session-id.js';
import { createTlsAuthWrapper } from './tls-auth.js';

const crypto = createNodeCrypto();
const LAB_RESET = fromHex('38 6c684d153fe51bd3 bebe951548695add73b07c88c1768fd667f83dbe 00000001 6b0335c5 00 00000000');
const RESET = {
  opcode: 7,
  keyId: asKeyId(0),
  sessionId: decodeSessionId(fromHex('6c684d153fe51bd3')),
  body: fromHex('00 00000000'),
  replayId: { counter: 1, time: 0x6b0335c5 },
} as const;

const wrapper = (direction: 0 | 1 | null) => createTlsAuthWrapper(LAB_STATIC_KEY, direction, 'sha1', crypto);

describe('tls-auth', () => {
  test('wraps the reset of the reference client byte for byte [wire 19, KAT 1]', () => {
    expect(toHex(wrapper(1).wrap(RESET))).toBe(toHex(LAB_RESET));
  });

  test('unwraps the reset of the reference client [wire 19, KAT 1]', () => {
    expect(wrapper(0).unwrap(LAB_RESET)).toEqual(RESET);
  });

  test('tells the wrong half of the key from a wrong key', () => {
    expect(wrapper(1).unwrap(LAB_RESET)).toBe('wrong-key-direction');
    expect(wrapper(null).unwrap(LAB_RESET)).toBe('wrong-key-direction');
    expect(wrapper(0).unwrap(wrapper(null).wrap(RESET))).toBe('wrong-key-direction');
    const other = createTlsAuthWrapper(LAB_STATIC_KEY.toReversed(), 0, 'sha1', crypto);
    expect(other.unwrap(LAB_RESET)).toBe('bad-hmac');
  });

  test('without a direction both sides use the same half', () => {
    expect(wrapper(null).unwrap(wrapper(null).wrap(RESET))).toEqual(RESET);
  });

  test('a reset with SHA1 has 42 bytes, and the overhead says so', () => {
    expect(LAB_RESET.length).toBe(14 + wrapper(1).overhead);
  });

  test.each(['md5', 'sha224', 'sha256', 'sha384', 'sha512'] as const)('round trip with %s', (digest) => {
    const client = createTlsAuthWrapper(LAB_STATIC_KEY, 1, digest, crypto);
    const server = createTlsAuthWrapper(LAB_STATIC_KEY, 0, digest, crypto);
    expect(server.unwrap(client.wrap(RESET))).toEqual(RESET);
  });

  test('any changed bit is noticed', () => {
    for (let i = 9; i < LAB_RESET.length; i++) {
      const changed = LAB_RESET.slice();
      changed[i] = (changed[i] ?? 0) ^ 1;
      expect(wrapper(0).unwrap(changed)).toBe('bad-hmac');
    }
  });

  test('wrapping without a replay id is our own fault', () => {
    expect(() => wrapper(0).wrap({ ...RESET, replayId: null })).toThrow('replay id');
  });
});
