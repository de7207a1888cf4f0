import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readGuarded } from '../../../../test/support/bytes.js';
import { encodeControlMessage, parseControlMessage, splitControlMessages } from './control-message.js';
import { encodeText, hasControlCharacter } from './text.js';

const split = (text: string) => splitControlMessages(encodeText(text));

describe('control messages of one record', () => {
  test('are split at NUL and stripped of line ends', () => {
    expect(split('PUSH_REQUEST\0EXIT\r\n\0')).toEqual(['PUSH_REQUEST', 'EXIT']);
  });

  test('text without NUL, empty text and control characters are left out', () => {
    expect(split('EXIT')).toEqual([]);
    expect(split('\0\0A\0rest')).toEqual(['A']);
    expect(split('INFO,\u001b[2J\0INFO,a\nb\0EXIT\0')).toEqual(['EXIT']);
  });

  test('any bytes are split without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const messages = readGuarded(bytes, splitControlMessages);
        expect(messages.some((text) => text === '' || hasControlCharacter(text))).toBe(false);
        messages.forEach(parseControlMessage);
      }),
    );
  });

  test('what is encoded comes out again', () => {
    expect(splitControlMessages(encodeControlMessage('INFO,grüße'))).toEqual(['INFO,grüße']);
  });
});

describe('a control message', () => {
  test.each([
    ['PUSH_REQUEST', { type: 'push-request' }],
    ['PUSH_REPLY,ping 10,peer-id 3', { type: 'push-reply', options: ['ping 10', 'peer-id 3'] }],
    ['PUSH_REPLY', { type: 'push-reply', options: [] }],
    ['PUSH_UPDATE,-route', { type: 'push-update', options: ['-route'] }],
    ['AUTH_FAILED', { type: 'auth-failed', reason: '' }],
    ['AUTH_FAILED,TEMP[backoff 4,advance no]: x', { type: 'auth-failed', reason: 'TEMP[backoff 4,advance no]: x' }],
    ['AUTH_PENDING', { type: 'auth-pending', timeout: null }],
    ['AUTH_PENDING,timeout 60', { type: 'auth-pending', timeout: 60 }],
    ['RESTART', { type: 'restart', keepCredentials: false, nextServer: false, text: '' }],
    ['RESTART,bye', { type: 'restart', keepCredentials: false, nextServer: false, text: 'bye' }],
    ['RESTART,[N]', { type: 'restart', keepCredentials: false, nextServer: true, text: '' }],
    ['RESTART,[P]:soon', { type: 'restart', keepCredentials: true, nextServer: false, text: 'soon' }],
    ['RESTART,[PN]text', { type: 'restart', keepCredentials: true, nextServer: true, text: 'text' }],
    ['HALT,go', { type: 'halt', text: 'go' }],
    ['EXIT', { type: 'exit' }],
    ['INFO,a,b', { type: 'info', text: 'a,b' }],
    ['INFO_PRE,WEB_AUTH::https://x', { type: 'info-pre', text: 'WEB_AUTH::https://x' }],
    ['CR_RESPONSE,Zm9v', { type: 'challenge-response', response: 'Zm9v' }],
    ['RELAY,x', { type: 'unknown', text: 'RELAY,x' }],
    ['PUSH_REQUESTS', { type: 'unknown', text: 'PUSH_REQUESTS' }],
    ['constructor', { type: 'unknown', text: 'constructor' }],
  ])('%s', (text, message) => {
    expect(parseControlMessage(text)).toEqual(message);
  });
});
