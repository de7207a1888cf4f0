import { describe, expect, test } from '@jest/globals';
import { fromHex, toHex } from '../../../../test/support/bytes.js';
import { createNodeCrypto } from '../../../../test/support/node-crypto.js';
import { LAB_STATIC_KEY } from '../../../../test/vectors/lab.js';
import { asKeyId } from '../ids.js';
import { decodeSessionId } from '../wire/session-id.js';
import { createTlsCryptCodec, createTlsCryptWrapper } from './tls-crypt.js';

const crypto = createNodeCrypto();
const LAB_RESET = fromHex(`
  40c189f84b74854cb7000000016b033577
  4943bb2e12200fc6c21b4275f2de62f2cbc7232eb671583a9dfd4af597ca4b08
  4b1eb766c07d961042828cdb66eb755ada
`);
const RESET = {
  opcode: 8,
  keyId: asKeyId(0),
  sessionId: decodeSessionId(fromHex('c189f84b74854cb7')),
  body: fromHex('01 00000000 b1ce0371ef8bd7ce 00000000'),
  replayId: { counter: 1, time: 0x6b033577 },
} as const;

describe('tls-crypt', () => {
  const server = createTlsCryptWrapper(LAB_STATIC_KEY, 'server', crypto);
  const client = createTlsCryptWrapper(LAB_STATIC_KEY, 'client', crypto);

  test('wraps the reset of the reference server byte for byte [wire 19, KAT 2]', () => {
    expect(toHex(server.wrap(RESET))).toBe(toHex(LAB_RESET));
  });

  test('unwraps the reset of the reference server [wire 19, KAT 2]', () => {
    expect(client.unwrap(LAB_RESET)).toEqual(RESET);
  });

  test('a packet of ours that comes back is refused', () => {
    expect(server.unwrap(LAB_RESET)).toBe('bad-hmac');
  });

  test('a client reset has 54 bytes, and the overhead says so', () => {
    const reset = client.wrap({ ...RESET, opcode: 7, body: fromHex('00 00000000') });
    expect(reset.length).toBe(54);
    expect(client.overhead).toBe(54 - 14);
  });

  test('any changed bit is noticed', () => {
    for (let i = 9; i < LAB_RESET.length; i++) {
      const changed = LAB_RESET.slice();
      changed[i] = (changed[i] ?? 0) ^ 0x80;
      expect(client.unwrap(changed)).toBe('bad-hmac');
    }
  });
});

describe('the cipher of tls-crypt', () => {
  const header = fromHex('0000000100000000');
  const plaintext = new TextEncoder().encode('1234567890');
  const sealed = fromHex('e319277f1c8d6e6a7796a855337b9cfb56e1f13a870e6647dfa195c92c17a015 ba4967a11d55ea1a06a7');

  test('seals with a key exported from TLS like the reference [wire 19, KAT 8]', () => {
    const codec = createTlsCryptCodec(new Uint8Array(256).fill(0xba), 'server', crypto);
    expect(toHex(codec.seal(header, plaintext))).toBe(toHex(header) + toHex(sealed));
  });

  test('opens what the other role has sealed', () => {
    const codec = createTlsCryptCodec(new Uint8Array(256).fill(0xba), 'client', crypto);
    expect(codec.open(header.length, Uint8Array.of(...header, ...sealed))).toEqual(plaintext);
    expect(codec.open(header.length, Uint8Array.of(...header, ...sealed.fill(0, 31, 32)))).toBeNull();
  });
});
