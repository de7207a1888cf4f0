import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { WrapOptions } from '../server/server-options.js';
import { encodeOptionsString, parseOptionsString } from './options-string.js';

const DEFAULTS = {
  role: 'server',
  cipher: 'BF-CBC',
  auth: 'SHA1',
  tunMtu: 1500,
  dataCiphers: ['AES-256-GCM', 'AES-128-GCM', 'CHACHA20-POLY1305'],
  wrap: { type: 'none' },
} as const;
const tlsAuth = (direction: 0 | 1 | null): WrapOptions => ({
  type: 'tls-auth',
  key: new Uint8Array(256),
  direction,
  digest: 'sha512',
});

describe('the options string of the reference server [wire 18]', () => {
  test.each([
    [
      'defaults',
      DEFAULTS,
      'V4,dev-type tun,link-mtu 1541,tun-mtu 1500,proto UDPv4,auth SHA1,keysize 128,key-method 2,tls-server',
    ],
    [
      'TCP',
      { ...DEFAULTS, stream: true },
      'V4,dev-type tun,link-mtu 1543,tun-mtu 1500,proto TCPv4_SERVER,auth SHA1,keysize 128,key-method 2,tls-server',
    ],
    [
      'an AEAD cipher',
      { ...DEFAULTS, cipher: 'AES-256-GCM' },
      'V4,dev-type tun,link-mtu 1549,tun-mtu 1500,proto UDPv4,cipher AES-256-GCM,auth [null-digest],keysize 256,key-method 2,tls-server',
    ],
    [
      'a CBC cipher that is offered',
      { ...DEFAULTS, cipher: 'AES-256-CBC', dataCiphers: ['AES-256-CBC'] },
      'V4,dev-type tun,link-mtu 1557,tun-mtu 1500,proto UDPv4,cipher AES-256-CBC,auth SHA1,keysize 256,key-method 2,tls-server',
    ],
    [
      'SHA256',
      { ...DEFAULTS, auth: 'sha256' },
      'V4,dev-type tun,link-mtu 1553,tun-mtu 1500,proto UDPv4,auth SHA256,keysize 128,key-method 2,tls-server',
    ],
    [
      'SHA512 and tls-auth with a direction',
      { ...DEFAULTS, auth: 'SHA512', wrap: tlsAuth(0) },
      'V4,dev-type tun,link-mtu 1585,tun-mtu 1500,proto UDPv4,keydir 0,auth SHA512,keysize 128,tls-auth,key-method 2,tls-server',
    ],
    [
      'comp-lzo no, fragment and tls-auth with a direction',
      { ...DEFAULTS, wrap: tlsAuth(0), compression: true, linkBytes: 1, fragment: true },
      'V4,dev-type tun,link-mtu 1546,tun-mtu 1500,proto UDPv4,comp-lzo,mtu-dynamic,keydir 0,auth SHA1,keysize 128,tls-auth,key-method 2,tls-server',
    ],
    [
      'tls-auth without a direction, as client',
      { ...DEFAULTS, role: 'client', wrap: tlsAuth(null) },
      'V4,dev-type tun,link-mtu 1541,tun-mtu 1500,proto UDPv4,auth SHA1,keysize 128,tls-auth,key-method 2,tls-client',
    ],
  ] as const)('%s', (_what, input, text) => {
    expect(encodeOptionsString(input)).toBe(text);
  });
});

describe('the options string of a client', () => {
  test('names its cipher, key direction and compression', () => {
    const text =
      'V4,dev-type tun,link-mtu 1550,tun-mtu 1500,proto UDPv4,comp-lzo,keydir 1,cipher aes-128-gcm,auth [null-digest],keysize 128,tls-auth,key-method 2,tls-client';
    expect(parseOptionsString(text)).toEqual({
      cipher: 'AES-128-GCM',
      compression: true,
      fragment: false,
      keyDirection: 1,
      tlsAuth: true,
    });
  });

  test('agrees with what its own kind of peer writes, for any configuration', () => {
    const names = ['none', 'BF-CBC', 'AES-128-CBC', 'AES-192-GCM', 'AES-256-OFB', 'CHACHA20-POLY1305', 'SM4-XYZ'];
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.constantFrom('none', 'md5', 'SHA256', 'BLAKE'),
        fc.constantFrom(0, 1, null),
        (cipher, auth, direction) => {
          const input = { ...DEFAULTS, cipher, auth, dataCiphers: names, wrap: tlsAuth(direction) };
          const text = encodeOptionsString({ ...input, role: 'client' });
          const expected = {
            cipher: cipher.toUpperCase(),
            compression: false,
            fragment: false,
            keyDirection: direction,
            tlsAuth: true,
          };
          expect(parseOptionsString(text)).toEqual(expected);
        },
      ),
    );
  });

  test('no cipher and no digest', () => {
    const text = encodeOptionsString({ ...DEFAULTS, cipher: 'none', auth: 'none', dataCiphers: ['none'] });
    expect(text).toContain('link-mtu 1505,tun-mtu 1500,proto UDPv4,cipher [null-cipher],auth [null-digest],keysize 0,');
  });

  test('the null cipher has a name', () => {
    expect(parseOptionsString('V4,cipher [null-cipher]').cipher).toBe('NONE');
  });

  test('an empty or foreign line says nothing', () => {
    const nothing = { cipher: null, compression: false, fragment: false, keyDirection: null, tlsAuth: false };
    expect(parseOptionsString('')).toEqual(nothing);
    expect(parseOptionsString('ciphers x,keydir 2,comp-lzo yes')).toEqual(nothing);
  });

  test('any text parses', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseOptionsString(text)));
  });
});
