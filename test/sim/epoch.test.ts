import { describe, expect, test } from '@jest/globals';
import { asKeyId } from '@shardvpn/core';
import { freezeWorld } from './frozen-world.js';
import { Pair } from './pair.js';
import type { SimClient } from './sim-client.js';
import { talks } from './talks.js';

freezeWorld();

/** Format of a key at both ends, as far as they have it. */
const formats = (pair: Pair, client: SimClient, keyId: number): readonly (string | undefined)[] =>
  [pair.server.data, client.data].map(
    (data) => /"format":"(\w+)"/.exec(data.fingerprint(client.peerId, asKeyId(keyId), 'seal') ?? '')?.[1],
  );

describe('the epoch format [wire 12.2]', () => {
  test.each(['AES-256-GCM', 'AES-192-GCM', 'AES-128-GCM', 'CHACHA20-POLY1305'] as const)(
    'is for clients of 2.7, with %s',
    (cipher) => {
      const pair = new Pair({ server: { dataCiphers: [cipher] } });
      const client = { dataCiphers: [cipher] };
      const newer = pair.connect({ generation: '2.7', client });
      const older = pair.connect({ generation: '2.6', client });
      expect(formats(pair, newer, 0)).toEqual(['epoch', 'epoch']);
      expect(formats(pair, older, 0)).toEqual(['aead', 'aead']);
      expect(newer.connected?.options.all).toContain('protocol-flags cc-exit tls-ekm dyn-tls-crypt aead-epoch');
      expect([talks(pair, newer), talks(pair, older)]).toEqual([true, true]);
    },
  );

  test('stays after a renegotiation, and in the hands of the next worker', () => {
    const pair = new Pair();
    const client = pair.connect({ generation: '2.7' });
    client.run(() => client.core.renegotiate(pair.loop.now));
    expect(pair.drive(() => client.renegotiations === 1)).toBe(true);
    expect(formats(pair, client, 1)).toEqual(['epoch', 'epoch']);
    pair.run(3000);
    pair.server.crash(500);
    pair.run(500);
    expect(pair.drive(() => client.renegotiations === 2, 60_000)).toBe(true);
    expect(formats(pair, client, 2)).toEqual(['epoch', 'epoch']);
    expect(talks(pair, client)).toBe(true);
    expect(pair.faults()).toEqual([]);
  });

  test('needs a peer-id, says a client to whom it is pushed without', () => {
    const fallback = { dataCiphers: [], fallbackCipher: 'AES-128-GCM' } as const;
    const pair = new Pair({ server: { fallbackCipher: 'AES-128-GCM', push: ['protocol-flags aead-epoch'] } });
    const occ = { cipher: 'BF-CBC', auth: 'SHA1', tunMtu: 1500 };
    const client = pair.join({ generation: 'silent', client: { ...fallback, occ } });
    pair.drive(() => client.ended !== undefined);
    expect(client.ended?.detail).toContain('aead-epoch, which needs a peer-id');
  });
});
