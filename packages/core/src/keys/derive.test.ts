import { describe, expect, test } from '@jest/globals';
import { fromHex, toHex } from '../../../../test/support/bytes.js';
import { createNodeCrypto } from '../../../../test/support/node-crypto.js';
import { LAB_PRF } from '../../../../test/vectors/lab.js';
import type { TlsSession } from '../ports.js';
import { decodeSessionId } from '../wire/session-id.js';
import { deriveByExporter, deriveByPrf, tls1Prf } from './derive.js';
import { deriveDynamicTlsCryptKey } from './dynamic-tls-crypt.js';

const crypto = createNodeCrypto();

describe('the PRF', () => {
  test('master secret of the lab session [wire 19, KAT 4]', () => {
    const seed = [LAB_PRF.clientRandom1, LAB_PRF.serverRandom1];
    expect(toHex(tls1Prf(crypto, LAB_PRF.preMaster, 'OpenVPN master secret', seed, 48))).toBe(
      'a3f819c6dacd3031ffb8c8c22c85aa55100645436b52d51e13296d664dc118852b77fa7a338b12d882e444e31854bb91',
    );
  });

  test('key material of the lab session [wire 19, KAT 4]', () => {
    const material = deriveByPrf(crypto, {
      preMaster: LAB_PRF.preMaster,
      client: {
        random1: LAB_PRF.clientRandom1,
        random2: LAB_PRF.clientRandom2,
        sessionId: decodeSessionId(LAB_PRF.clientSessionId),
      },
      server: {
        random1: LAB_PRF.serverRandom1,
        random2: LAB_PRF.serverRandom2,
        sessionId: decodeSessionId(LAB_PRF.serverSessionId),
      },
    });
    expect(toHex(material)).toBe(toHex(LAB_PRF.material));
  });

  test('matches the reference on its own test texts [wire 19, KAT 4b]', () => {
    const secret = new TextEncoder().encode(
      'Lorem ipsum dolor sit amet, consectetur adipisici elit, sed eiusmod tempor incidunt ut labore et dolore magna aliqua.',
    );
    const seed = 'Quis aute iure reprehenderit in voluptate velit esse cillum dolore';
    expect(toHex(tls1Prf(crypto, secret, seed, [], 32))).toBe(
      'd98c8518c85e946927916acfc2d592fbb1567e4b4b1459e6a904ac2ddab72d67',
    );
  });

  test('secrets of odd length share their middle byte, and any length can be had', () => {
    const long = tls1Prf(crypto, fromHex('010203'), 'label', [fromHex('04')], 100);
    expect(long.length).toBe(100);
    for (const length of [1, 16, 20, 33]) {
      expect(tls1Prf(crypto, fromHex('010203'), 'label', [fromHex('04')], length)).toEqual(long.subarray(0, length));
    }
  });
});

describe('keys exported from TLS', () => {
  const asked: [string, number][] = [];
  const tls = {
    exportKeyingMaterial(label: string, length: number) {
      asked.push([label, length]);
      return new Uint8Array(length).fill(0xba);
    },
  } as unknown as TlsSession;

  test('data keys', () => {
    expect(deriveByExporter(tls)).toEqual(new Uint8Array(256).fill(0xba));
    expect(asked.pop()).toEqual(['EXPORTER-OpenVPN-datakeys', 256]);
  });

  test('a session that is over has none', () => {
    const over = { exportKeyingMaterial: () => null } as unknown as TlsSession;
    expect(deriveByExporter(over)).toBeNull();
    expect(deriveDynamicTlsCryptKey(over, new Uint8Array(256))).toBeNull();
  });

  test('dynamic tls-crypt mixes in the configured key; an all-zero one changes nothing [wire 19, KAT 8]', () => {
    const plain = deriveDynamicTlsCryptKey(tls, null);
    expect(plain).toEqual(new Uint8Array(256).fill(0xba));
    expect(asked.pop()).toEqual(['EXPORTER-OpenVPN-dynamic-tls-crypt', 256]);
    expect(deriveDynamicTlsCryptKey(tls, new Uint8Array(256))).toEqual(plain);
    const configured = Uint8Array.from({ length: 256 }, (_, i) => i);
    expect(deriveDynamicTlsCryptKey(tls, configured)).toEqual(configured.map((byte) => byte ^ 0xba));
  });
});
