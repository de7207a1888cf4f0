import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatPeerInfo, parsePeerInfo } from './peer-info.js';

describe('peer info', () => {
  test('of a 2.6 client', () => {
    const text = 'IV_VER=2.6.14\nIV_PLAT=linux\nIV_NCP=2\nIV_CIPHERS=AES-256-GCM:AES-128-GCM\nIV_PROTO=990\nUV_X=a=b\n';
    const info = parsePeerInfo(text);
    expect(info.get('IV_CIPHERS')).toBe('AES-256-GCM:AES-128-GCM');
    expect(info.get('UV_X')).toBe('a=b');
    expect(info.size).toBe(6);
    expect(formatPeerInfo(info)).toBe(text);
  });

  test('the first of equal names counts', () => {
    expect(parsePeerInfo('IV_PROTO=2\nIV_PROTO=990\n').get('IV_PROTO')).toBe('2');
  });

  test('lines of another form are ignored', () => {
    expect([...parsePeerInfo('=x\nno value\nA B=1\nTAB=\t\nESC=\u001b[0m\nOK=1\r\nEMPTY=')]).toEqual([
      ['OK', '1'],
      ['EMPTY', ''],
    ]);
  });

  test('a flood of names is cut off', () => {
    const flood = Array.from({ length: 5000 }, (_, i) => `N${i}=1`).join('\n');
    expect(parsePeerInfo(flood).size).toBe(128);
  });

  test('any text parses, and what has been parsed parses again', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const info = parsePeerInfo(text);
        expect([...parsePeerInfo(formatPeerInfo(info))]).toEqual([...info]);
      }),
    );
  });
});
