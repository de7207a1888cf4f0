import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readGuarded, toHex } from '../../../../test/support/bytes.js';
import { PacketReader, PacketWriter } from './cursor.js';

describe('the packet reader', () => {
  test('reads big-endian integers and views', () => {
    const reader = new PacketReader(Uint8Array.of(1, 2, 3, 0xff, 0xff, 0xff, 0xfe, 7, 8, 9));
    expect([reader.u8(), reader.u16(), reader.u32()]).toEqual([1, 0x203, 0xfffffffe]);
    expect(reader.bytes(1)).toEqual(Uint8Array.of(7));
    expect(reader.rest()).toEqual(Uint8Array.of(8, 9));
    expect(reader.failed).toBe(false);
  });

  test('a failure stays', () => {
    const reader = new PacketReader(Uint8Array.of(1, 2));
    expect(reader.u32()).toBe(0);
    expect(reader.failed).toBe(true);
    expect(reader.u8()).toBe(0);
    expect(reader.rest().length).toBe(0);
  });

  test('never reads beyond its view', () => {
    const reads = fc.array(fc.oneof(fc.constantFrom('u8', 'u16', 'u32', 'rest'), fc.nat(20)), { maxLength: 20 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 32 }), reads, (bytes, list) => {
        readGuarded(bytes, (view) => {
          const reader = new PacketReader(view);
          return list.map((read) => {
            const value = typeof read === 'number' ? reader.bytes(read) : reader[read as 'u8' | 'rest']();
            return [value, reader.remaining, reader.failed];
          });
        });
      }),
    );
  });
});

describe('the packet writer', () => {
  test('writes big-endian', () => {
    const writer = new PacketWriter(9).u8(1).u16(0x203).u32(0xfffffffe).bytes(Uint8Array.of(7));
    expect(toHex(writer.finish())).toBe('010203fffffffe07');
  });

  test('overflow and bad integers are our own faults', () => {
    expect(() => new PacketWriter(3).u32(1)).toThrow('of 3');
    expect(() => new PacketWriter(3).bytes(new Uint8Array(4))).toThrow('of 3');
    expect(() => new PacketWriter(9).u8(256)).toThrow('1 bytes');
    expect(() => new PacketWriter(9).u16(-1)).toThrow('2 bytes');
    expect(() => new PacketWriter(9).u32(2 ** 32)).toThrow('4 bytes');
    expect(() => new PacketWriter(9).u32(0.5)).toThrow('4 bytes');
  });
});
