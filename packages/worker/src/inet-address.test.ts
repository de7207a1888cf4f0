import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeInet, encodeInet } from './inet-address.js';

describe('numeric addresses', () => {
  test.each([
    ['2001:db8::1', '20010db8000000000000000000000001'],
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['fe80::', 'fe800000000000000000000000000000'],
    ['1:0:0:2::3', '00010000000000020000000000000003'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['1:0:2:0:3:0:4:0', '00010000000200000003000000040000'],
  ])('%s is %s and back', (text, hex) => {
    const bytes = new Uint8Array(18).fill(0xee);
    expect(encodeInet(text, bytes, 1)).toBe(6);
    expect(Buffer.from(bytes.subarray(1, 17)).toString('hex')).toBe(hex);
    expect([bytes[0], bytes[17]]).toEqual([0xee, 0xee]);
    expect(decodeInet(6, bytes, 1)).toBe(text);
  });

  test('reads the forms people write', () => {
    expect(roundTrip('::ffff:192.0.2.33')).toBe('::ffff:c000:221');
    expect(roundTrip('2001:DB8:0:0:0:0:0:1')).toBe('2001:db8::1');
  });

  test('IPv4 takes the first four bytes and clears the rest', () => {
    const bytes = new Uint8Array(16).fill(0xee);
    expect(encodeInet('192.0.2.33', bytes, 0)).toBe(4);
    expect([...bytes]).toEqual([192, 0, 2, 33, ...Array(12).fill(0)]);
    expect(decodeInet(4, bytes, 0)).toBe('192.0.2.33');
  });

  test.each([
    '',
    '1.2.3',
    '1.2.3.256',
    '1.2.3.4.5',
    '1.2.3.',
    '1..2.3',
    '1.2.3.4x',
    '1234.1.1.1',
    '0001.2.3.4',
    'a.b.c.d',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    'g::',
    '::1.2.3',
  ])('refuses %j', (text) => {
    expect(() => encodeInet(text, new Uint8Array(16), 0)).toThrow(
      expect.objectContaining({ code: 'internal/not-an-address' }),
    );
  });

  test('agrees with the platform on every address', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        (bytes, mask) => {
          // Half of the bytes zero makes runs to shorten.
          const address = bytes.map((byte, i) => ((mask[i] ?? 0) & 1 ? byte : 0));
          const text = decodeInet(6, address, 0);
          expect(isIPv6(text)).toBe(true);
          const back = new Uint8Array(16);
          encodeInet(text, back, 0);
          expect(back).toEqual(address);
          if (!text.startsWith('::')) expect(new SocketAddress({ address: text, family: 'ipv6' }).address).toBe(text);
        },
      ),
    );
  });

  test('accepts exactly what is an address', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.ipV4(), fc.ipV6(), fc.string({ unit: fc.constantFrom(...'0123456789abcdef:.') })),
        (text) => {
          const accepts = (() => {
            try {
              encodeInet(text, new Uint8Array(16), 0);
              return true;
            } catch {
              return false;
            }
          })();
          // Node refuses leading zeros in dotted texts; we read them as decimal.
          if (!/(^|\.)0\d/.test(text.slice(text.lastIndexOf(':') + 1)))
            expect(accepts).toBe(isIPv4(text) || isIPv6(text));
        },
      ),
    );
  });
});

function roundTrip(text: string): string {
  const bytes = new Uint8Array(16);
  return decodeInet(encodeInet(text, bytes, 0), bytes, 0);
}
