import { isIPv4, isIPv6 } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatAddress, parseAddress } from './ip-address.js';

describe('addresses', () => {
  test.each([
    ['10.8.0.1', 4, 0x0a080001n],
    ['255.255.255.255', 4, 0xffffffffn],
    ['::', 6, 0n],
    ['::1', 6, 1n],
    ['fd00::8:0:1', 6, 0xfd000000000000000000000800000001n],
    ['2001:db8:0:1:1:1:1:1', 6, 0x20010db8000000010001000100010001n],
  ] as const)('%s is a number and is written like that', (text, family, value) => {
    expect(parseAddress(text)).toEqual({ family, value });
    expect(formatAddress(family, value)).toBe(text);
  });

  test.each([
    '',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4/24',
    ':',
    ':::',
    '1::2::3',
    '12345::',
    'fe80::1%eth0',
    '1:2:3:4:5:6:7:8:9',
  ])('%p is not an address', (text) => expect(parseAddress(text)).toBeUndefined());

  test('an IPv4 ending counts as two groups', () => {
    expect(parseAddress('::ffff:10.8.0.1')?.value).toBe(0xffff0a080001n);
  });

  test('every number survives the way to text and back, in the form that node knows', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), (value) => {
        const text = formatAddress(6, value);
        expect(isIPv6(text)).toBe(true);
        expect(parseAddress(text)?.value).toBe(value);
        expect(isIPv4(formatAddress(4, value & 0xffffffffn))).toBe(true);
      }),
    );
  });

  test('agrees with node about what is an address', () => {
    const text = fc.oneof(fc.ipV4(), fc.ipV6(), fc.stringMatching(/^[0-9a-f:.]{0,20}$/));
    fc.assert(
      fc.property(text, (candidate) => {
        expect(parseAddress(candidate) !== undefined).toBe(isIPv4(candidate) || isIPv6(candidate));
      }),
      { numRuns: 2000 },
    );
  });
});
