import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { toHex } from '../../../../test/support/bytes.js';
import { LAB_STATIC_KEY } from '../../../../test/vectors/lab.js';
import { VpnError } from '../errors.js';
import { parseStaticKey, staticKeySlot } from './static-key.js';

const lines = toHex(LAB_STATIC_KEY).match(/.{32}/g) ?? [];
const file = (body: string): string =>
  `#\n# 2048 bit OpenVPN static key\n#\n-----BEGIN OpenVPN Static key V1-----\n${body}\n-----END OpenVPN Static key V1-----\nrest`;

describe('a static key file', () => {
  test.each([
    ['lines', lines.join('\n')],
    ['Windows line ends and blanks', ` ${lines.join(' \r\n\t')}`],
    ['upper case on one line', lines.join('').toUpperCase()],
  ])('in %s', (_what, body) => {
    expect(parseStaticKey(file(body), 'ta.key')).toEqual(LAB_STATIC_KEY);
  });

  test.each([
    ['', /ta\.key is not an OpenVPN static key: the line '-----BEGIN OpenVPN Static key V1-----' is missing/],
    ['-----BEGIN PRIVATE KEY-----\nAA==\n', /it holds a 'PRIVATE KEY'/],
    ['-----BEGIN OpenVPN Static key V1-----\n00', /'-----END OpenVPN Static key V1-----' is missing/],
    [file(lines.slice(1).join('\n')), /480 hexadecimal digits instead of 512/],
    [file(`${lines.join('\n')}0`), /513 hexadecimal digits instead of 512/],
    [file(`xy${lines.join('')}`), /'x' is not a hexadecimal digit/],
  ])('%j is refused with the reason', (text, message) => {
    expect(() => parseStaticKey(text, 'ta.key')).toThrow(message);
    expect(() => parseStaticKey(text, 'ta.key')).toThrow(expect.objectContaining({ code: 'config/static-key' }));
  });

  test('any text is a key or a config error', () => {
    fc.assert(
      fc.property(fc.string(), fc.boolean(), (text, framed) => {
        try {
          parseStaticKey(framed ? file(text) : text, 'x');
        } catch (error) {
          expect(error).toBeInstanceOf(VpnError);
        }
      }),
    );
  });
});

test('slots begin at 0, 64, 128 and 192', () => {
  const key = Uint8Array.from({ length: 256 }, (_, i) => i);
  expect(staticKeySlot(key, 0, 'cipher', 1)).toEqual(Uint8Array.of(0));
  expect(staticKeySlot(key, 0, 'hmac', 1)).toEqual(Uint8Array.of(64));
  expect(staticKeySlot(key, 1, 'cipher', 2)).toEqual(Uint8Array.of(128, 129));
  expect(staticKeySlot(key, 1, 'hmac', 64).length).toBe(64);
  expect(() => staticKeySlot(key, 1, 'hmac', 65)).toThrow(VpnError);
  expect(() => staticKeySlot(key.subarray(1), 1, 'hmac', 1)).toThrow(VpnError);
});
