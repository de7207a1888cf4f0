import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fromHex, readGuarded, toHex } from '../../../../test/support/bytes.js';
import { isDrop } from '../drop-reason.js';
import { decodeKeyMethod, encodeKeyMethod, type KeyMethodMessage } from './key-method.js';

const PRE_MASTER = 'a1'.repeat(48);
const RANDOMS = 'b2'.repeat(32) + 'c3'.repeat(32);
const CLIENT_HEAD = `00000000 02 ${PRE_MASTER} ${RANDOMS}`;
const client = (strings: string) => decodeKeyMethod('client', fromHex(CLIENT_HEAD + strings));

const MESSAGE: KeyMethodMessage = {
  preMaster: fromHex(PRE_MASTER),
  random1: fromHex('b2'.repeat(32)),
  random2: fromHex('c3'.repeat(32)),
  options: 'V4',
  credentials: { type: 'password', username: 'u', password: 'p' },
  peerInfo: 'A=1\n',
};
const STRINGS = '0003 5634 00 0002 75 00 0002 70 00 0005 413d310a 00';

const texts = (maxLength: number) =>
  fc.string({ unit: 'grapheme', maxLength }).map((text) => text.replaceAll('\0', '').normalize());
const messages: fc.Arbitrary<KeyMethodMessage> = fc.record({
  preMaster: fc.option(fc.uint8Array({ minLength: 48, maxLength: 48 })),
  random1: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  random2: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  options: texts(20),
  credentials: fc
    .record({ username: texts(20), password: texts(20) })
    .map(({ username, password }) =>
      username === '' && password === '' ? { type: 'none' } : { type: 'password', username, password },
    ),
  peerInfo: texts(30),
});

describe('the key method message', () => {
  test('of the client, byte for byte', () => {
    expect(toHex(encodeKeyMethod('client', MESSAGE))).toBe(toHex(fromHex(CLIENT_HEAD + STRINGS)));
    expect(client(STRINGS)).toEqual(MESSAGE);
  });

  test('of the server, which has no pre-master secret and empty strings', () => {
    const message: KeyMethodMessage = { ...MESSAGE, preMaster: null, credentials: { type: 'none' }, peerInfo: '' };
    const bytes = encodeKeyMethod('server', message);
    expect(toHex(bytes)).toBe(toHex(fromHex(`00000000 02 ${RANDOMS} 0003 5634 00 0000 0000 0000`)));
    expect(decodeKeyMethod('server', bytes)).toEqual(message);
  });

  test('round trip', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const sender = message.preMaster === null ? 'server' : 'client';
        const bytes = encodeKeyMethod(sender, message);
        expect(readGuarded(bytes, (view) => decodeKeyMethod(sender, view))).toEqual(message);
      }),
    );
  });

  test('random bytes behind a good head never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.boolean(), (tail, withHead) => {
        const bytes = withHead ? Uint8Array.of(...fromHex(CLIENT_HEAD), ...tail) : tail;
        const result = readGuarded(bytes, (view) => decodeKeyMethod('client', view));
        expect(isDrop(result) || result.random1.length === 32).toBe(true);
      }),
    );
  });

  test.each([
    ['after the peer info with rubbish', `${STRINGS} ffff`],
    ['after the password', '0003 5634 00 0002 75 00 0002 70 00'],
    ['after the options', '0003 5634 00'],
  ])('compat(2.3): it may end %s', (_where, strings) => {
    expect(client(strings)).toMatchObject({ options: 'V4' });
  });

  test.each(['0000', '0001 00'])('an empty string may be %s', (empty) => {
    expect(client(`0003 5634 00 ${empty} ${empty} ${empty}`)).toMatchObject({
      credentials: { type: 'none' },
      peerInfo: '',
    });
  });

  test('a username without a password is a login', () => {
    expect(client('0000 0002 75 00 0000 0000')).toMatchObject({
      credentials: { type: 'password', username: 'u', password: '' },
    });
  });

  test('credentials that are too long are no broken message', () => {
    const long = `1001 ${'41'.repeat(4096)} 00`;
    expect(client(`0000 ${long} 0000 0000`)).toMatchObject({ credentials: { type: 'too-long' } });
    expect(client(`0000 0000 ${long} 0000`)).toMatchObject({ credentials: { type: 'too-long' } });
  });

  test.each([
    ['a string without NUL', '0002 5634'],
    ['a string with a NUL inside', '0004 56003400'],
    ['a string that is cut off', '0003 5634 00 0009 75 00'],
    ['half a length', '0003 5634 00 00'],
    ['options of 512 bytes', `0201 ${'41'.repeat(512)} 00`],
  ])('%s is malformed', (_what, strings) => {
    expect(client(strings)).toBe('malformed');
  });

  test('other methods and prefixes are malformed, the upper bits of the method do not count', () => {
    const withHead = (head: string) => decodeKeyMethod('client', fromHex(`${head} ${PRE_MASTER} ${RANDOMS} 0000`));
    expect(withHead('00000000 01')).toBe('malformed');
    expect(withHead('00000001 02')).toBe('malformed');
    expect(withHead('00000000 12')).toMatchObject({ options: '' });
    expect(client('00')).toBe('malformed');
    expect(decodeKeyMethod('client', fromHex(CLIENT_HEAD).subarray(1))).toBe('too-short');
  });

  test('a message with fields of the wrong length is our own fault', () => {
    expect(() => encodeKeyMethod('server', MESSAGE)).toThrow('pre-master');
    expect(() => encodeKeyMethod('client', { ...MESSAGE, preMaster: null })).toThrow('pre-master');
    expect(() => encodeKeyMethod('client', { ...MESSAGE, random1: new Uint8Array(31) })).toThrow('32 bytes');
    expect(() => encodeKeyMethod('client', { ...MESSAGE, credentials: { type: 'too-long' } })).toThrow('too long');
  });
});
