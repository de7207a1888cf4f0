import { createCipheriv } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { fromHex, toHex } from '../../../../test/support/bytes.js';
import { LAB_PRF } from '../../../../test/vectors/lab.js';
import { DATA_CIPHERS } from '../data-plane.js';
import { cutDataKeys } from './data-keys.js';
import { suiteOf } from './data-suite.js';

describe('data keys', () => {
  test('the lab session: bytes and directions [wire 19, KAT 4]', () => {
    const server = cutDataKeys(LAB_PRF.material, suiteOf('AES-256-GCM'), 'server');
    expect(toHex(server?.open.cipher.subarray(0, 32) ?? new Uint8Array())).toBe(
      'c2cd86b5b1d4ada6bd3748adb02ccdbd88c64ed47f6cb37ab8681461aa5e4c21',
    );
    expect(toHex(server?.open.hmac.subarray(0, 8) ?? new Uint8Array())).toBe('92586483a826723c');
    expect(toHex(server?.seal.cipher.subarray(0, 32) ?? new Uint8Array())).toBe(
      '75c7f00d93a1da57e1d8c9fe37a1435ef00650317dafa302df2d8352c98c5894',
    );
    expect(toHex(server?.seal.hmac.subarray(0, 8) ?? new Uint8Array())).toBe('075c692f3f46f435');
  });

  test('they seal the ping of the lab client [wire 19, KAT 5]', () => {
    const seal = cutDataKeys(LAB_PRF.material, suiteOf('AES-256-GCM'), 'client')?.seal;
    const nonce = Uint8Array.of(0, 0, 0, 1, ...(seal?.hmac.subarray(0, 8) ?? []));
    const cipher = createCipheriv('aes-256-gcm', seal?.cipher.subarray(0, 32) ?? new Uint8Array(), nonce);
    cipher.setAAD(fromHex('4800000000000001'));
    const ciphertext = cipher.update(fromHex('2a187bf3641eb4cb07ed2d0a981fc748'));
    cipher.final();
    expect(toHex(cipher.getAuthTag())).toBe('6eb0995822016640ad91100f69e78e0d');
    expect(toHex(ciphertext)).toBe('cce2dce9d79feff585937ab511909bd9');
  });

  test.each(DATA_CIPHERS)('%s: what one side seals with the other side opens with', (cipher) => {
    const server = cutDataKeys(LAB_PRF.material, suiteOf(cipher), 'server');
    const client = cutDataKeys(LAB_PRF.material, suiteOf(cipher), 'client');
    expect(server?.seal).toEqual(client?.open);
    expect(server?.open).toEqual(client?.seal);
  });

  test.each([0, 128])('an all-zero cipher key at byte %d is refused', (at) => {
    const material = LAB_PRF.material.slice();
    material.fill(0, at, at + 16);
    expect(cutDataKeys(material, suiteOf('AES-128-GCM'), 'server')).toBeNull();
    expect(cutDataKeys(material, suiteOf('AES-256-GCM'), 'server')).not.toBeNull();
  });
});
