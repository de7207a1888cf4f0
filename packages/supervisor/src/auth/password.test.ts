import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parsePassword } from './password.js';

test.each([
  [null, { type: 'none' }],
  ['', { type: 'plain', password: '' }],
  ['secret', { type: 'plain', password: 'secret' }],
  ['SCRV1:c2VjcmV0:MTIz', { type: 'static-challenge', password: 'secret', response: '123' }],
  ['SCRV1::', { type: 'static-challenge', password: '', response: '' }],
  ['SCRV1:c2VjcmV0', { type: 'plain', password: 'SCRV1:c2VjcmV0' }],
  ['SCRV1:not base64:x', { type: 'plain', password: 'SCRV1:not base64:x' }],
  ['CRV1::state::12:34', { type: 'dynamic-challenge', stateId: 'state', response: '12:34' }],
  ['CRV1::state', { type: 'plain', password: 'CRV1::state' }],
])('%j', (text, expected) => {
  expect(parsePassword(text)).toEqual(expected);
});

test('any text is a password of some type', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const password = parsePassword(text);
      expect(password.type === 'plain' ? password.password : text).toBe(text);
    }),
  );
});
