import { describe, expect, test } from '@jest/globals';
import type { WrapOptions } from '@shardvpn/core';
import { freezeWorld } from './frozen-world.js';
import { Pair } from './pair.js';

freezeWorld();

const key = Uint8Array.from({ length: 256 }, (_, i) => (i * 7 + 3) & 255);
const WRAPS: readonly WrapOptions[] = [
  { type: 'none' },
  { type: 'tls-auth', key, direction: null, digest: 'sha1' },
  { type: 'tls-auth', key, direction: 0, digest: 'sha256' },
  { type: 'tls-auth', key, direction: 1, digest: 'sha512' },
  { type: 'tls-crypt', key },
];

describe('connect', () => {
  for (const wrap of WRAPS) {
    for (const generation of ['2.6', '2.5', '2.4'] as const) {
      for (const tlsDelay of [null, 5]) {
        test(`client ${generation} over ${wrap.type} ${'direction' in wrap ? wrap.direction : ''}, TLS ${tlsDelay === null ? 'at once' : 'later'}`, () => {
          const pair = new Pair({ server: { wrap }, tlsDelay });
          const client = pair.connect({ generation });
          expect(client.connected?.keyDerivation).toBe(generation === '2.6' ? 'tls-ekm' : 'prf');
          pair.server.data.chatter();
          client.data.chatter();
          pair.run(1000);
          expect([pair.server.data.received, client.data.received]).toEqual([1, 1]);
          expect(pair.faults()).toEqual([]);
        });
      }
    }
  }
});
