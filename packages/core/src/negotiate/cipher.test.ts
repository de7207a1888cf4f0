import { describe, expect, test } from '@jest/globals';
import { negotiateCipher } from './cipher.js';

const input = (peerInfo: Record<string, string>, optionsCipher: string | null = null) => ({
  dataCiphers: ['CHACHA20-POLY1305', 'AES-128-GCM', 'AES-256-GCM'] as const,
  fallback: null,
  peerInfo: new Map(Object.entries(peerInfo)),
  optionsCipher,
});
const refused = (...offered: string[]) => ({
  type: 'refused',
  reply: 'AUTH_FAILED,Data channel cipher negotiation failed (no shared cipher)',
  offered,
});

describe('cipher negotiation [wire 14.1]', () => {
  test('the order of the server counts, not that of the client', () => {
    expect(negotiateCipher(input({ IV_CIPHERS: 'aes-256-gcm:AES-128-GCM' }))).toEqual({
      type: 'chosen',
      cipher: 'AES-128-GCM',
      push: true,
    });
  });

  test('IV_CIPHERS wins over IV_NCP and the options string', () => {
    expect(negotiateCipher(input({ IV_CIPHERS: 'AES-256-CBC', IV_NCP: '2' }, 'AES-128-GCM'))).toEqual(
      refused('AES-256-CBC'),
    );
  });

  test('compat(2.4): IV_NCP=2 stands for the two AES-GCM ciphers', () => {
    expect(negotiateCipher(input({ IV_NCP: '2' }))).toEqual({ type: 'chosen', cipher: 'AES-128-GCM', push: true });
    expect(negotiateCipher(input({ IV_NCP: '2' }, 'CHACHA20-POLY1305'))).toMatchObject({
      cipher: 'CHACHA20-POLY1305',
    });
  });

  test('compat(2.3): the cipher of the options string is taken and not pushed', () => {
    expect(negotiateCipher(input({}, 'AES-256-GCM'))).toEqual({ type: 'chosen', cipher: 'AES-256-GCM', push: false });
    expect(negotiateCipher(input({ IV_NCP: '1' }, 'AES-256-GCM'))).toMatchObject({ push: false });
  });

  test('the fallback is for clients that tell nothing at all', () => {
    const fallback = 'AES-256-GCM' as const;
    expect(negotiateCipher({ ...input({}), fallback })).toEqual({ type: 'chosen', cipher: fallback, push: false });
    expect(negotiateCipher({ ...input({}, 'BF-CBC'), fallback })).toEqual(refused('BF-CBC'));
    expect(negotiateCipher({ ...input({ IV_CIPHERS: 'BF-CBC' }), fallback })).toEqual(refused('BF-CBC'));
    expect(negotiateCipher(input({}))).toEqual(refused());
  });

  test.each([
    [{ IV_CIPHERS: 'AES-128-CBC:AES-256-CBC' }, null, 'AES-256-CBC', true],
    [{ IV_CIPHERS: 'none' }, null, 'none', true],
    [{ IV_NCP: '2' }, 'AES-128-CBC', 'AES-128-CBC', true],
    [{}, 'AES-256-CBC', 'AES-256-CBC', false],
    [{}, 'NONE', 'none', false],
  ] as const)('older ciphers: %j and the options string %s', (peerInfo, optionsCipher, cipher, push) => {
    const dataCiphers = ['AES-256-CBC', 'AES-128-CBC', 'none'] as const;
    expect(negotiateCipher({ ...input(peerInfo as Record<string, string>, optionsCipher), dataCiphers })).toEqual({
      type: 'chosen',
      cipher,
      push,
    });
  });

  test('nobody gets none who is not offered it', () => {
    expect(negotiateCipher(input({ IV_CIPHERS: 'none' }))).toEqual(refused('NONE'));
    expect(negotiateCipher(input({}, 'NONE'))).toEqual(refused('NONE'));
  });

  test('a refusal tells what a client offers that has no list', () => {
    const dataCiphers = ['CHACHA20-POLY1305'] as const;
    expect(negotiateCipher({ ...input({ IV_NCP: '2' }), dataCiphers })).toEqual(refused('AES-256-GCM', 'AES-128-GCM'));
  });
});
