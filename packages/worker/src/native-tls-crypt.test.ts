import { createCipheriv, createHmac } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nativeTlsCrypt } from './native-tls-crypt.js';

const KEYS = [0, 1].map((half) => Uint8Array.from({ length: 64 }, (_, i) => 64 * half + i)) as [Uint8Array, Uint8Array];
const server = nativeTlsCrypt(KEYS[0], KEYS[1]);
const client = nativeTlsCrypt(KEYS[1], KEYS[0]);
const header = fc.uint8Array({ maxLength: 20 });
const text = fc.uint8Array({ maxLength: 9000 });

describe('tls-crypt in the native core', () => {
  test('seals as OpenSSL does', () => {
    fc.assert(
      fc.property(header, text, (head, plaintext) => {
        const tag = createHmac('sha256', KEYS[0].subarray(32)).update(head).update(plaintext).digest();
        const cipher = createCipheriv('aes-256-ctr', KEYS[0].subarray(0, 32), tag.subarray(0, 16));
        const expected = Buffer.concat([head, tag, cipher.update(plaintext)]);
        expect(expected.equals(server.seal(head, plaintext))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test('opens what the other side has sealed, and leaves the packet as it is', () => {
    fc.assert(
      fc.property(header, text, (head, plaintext) => {
        const packet = client.seal(head, plaintext);
        const before = Buffer.from(packet);
        expect(Buffer.from(plaintext).equals(server.open(head.length, packet) ?? Buffer.alloc(1))).toBe(true);
        expect(before.equals(packet)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test('any changed byte is noticed', () => {
    const packet = client.seal(Uint8Array.of(1, 2, 3), new Uint8Array(20));
    for (let at = 0; at < packet.length; at++) {
      const changed = packet.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(server.open(3, changed)).toBeNull();
    }
    expect(client.open(3, packet)).toBeNull();
  });

  test('a key of another length is a fault of ours', () => {
    const broken = nativeTlsCrypt(KEYS[0].subarray(1), KEYS[1]);
    expect(() => broken.seal(new Uint8Array(9), new Uint8Array(9))).toThrow('63 bytes');
  });
});
