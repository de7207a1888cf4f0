import { describe, expect, test } from '@jest/globals';
import { wrapClientKey } from '@shardvpn/core';
import { nodeCrypto } from '@shardvpn/worker';
import { encodeClientKey, encodeServerKey, parseClientKey, parseServerKey } from './tls-crypt-v2-key.js';

const serverKey = Uint8Array.from({ length: 128 }, (_, i) => i);
const key = Uint8Array.from({ length: 256 }, (_, i) => i);
const wrappedKey = wrapClientKey(serverKey, { key, metadata: new Uint8Array(9) }, nodeCrypto);

describe('keys of tls-crypt-v2 as text', () => {
  test('come back as they were', () => {
    expect(parseServerKey(encodeServerKey(serverKey), 'a')).toEqual(serverKey);
    const client = parseClientKey(encodeClientKey({ key, wrappedKey }), 'a');
    expect(client).toEqual({ key, wrappedKey });
  });

  test.each([
    ['nothing', '', /^'f' .*the block 'OpenVPN tls-crypt-v2 server key' is missing/],
    ['a key of a client', encodeClientKey({ key, wrappedKey }), /it holds a 'OpenVPN tls-crypt-v2 client key'/],
    ['a short key', encodeServerKey(serverKey.subarray(1)), /the key has 127 bytes instead of 128/],
    ['rubbish', encodeServerKey(serverKey).replace('AAEC', '!!!!'), /it is not base64/],
  ])('%s is no key of a server', (_what, text, message) => {
    expect(() => parseServerKey(text, "'f'")).toThrow(message);
  });

  test.each([wrappedKey.subarray(1), wrappedKey.subarray(0, -1), new Uint8Array(0)])(
    'a damaged key of a client',
    (cut) => {
      expect(() => parseClientKey(encodeClientKey({ key, wrappedKey: cut }), 'f')).toThrow(/cut short or damaged/);
    },
  );
});
