import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { clientFeatures } from '../negotiate/features.js';
import type { AuthRefusal } from '../server/auth-decision.js';
import { refusalMessage } from '../server/refusal-message.js';
import { parseAuthFailed } from './auth-failed.js';
import { encodeControlMessage, MAX_CONTROL_MESSAGE_LENGTH, parseControlMessage } from './control-message.js';
import { parseInfoPre } from './info-pre.js';

const MODERN = clientFeatures(new Map([['IV_PROTO', '990']]));
const word = fc.stringMatching(/^[A-Za-z0-9+/=_-]{1,20}$/);
const text = fc.stringMatching(/^[A-Za-z0-9 ,:;[\]?!-]{0,80}$/).map((line) => line.trim());
const refusal: fc.Arbitrary<AuthRefusal> = fc.oneof(
  fc.record({ type: fc.constant('expired' as const), reason: text }),
  fc.record({
    type: fc.constant('temporary' as const),
    reason: text,
    backoff: fc.option(fc.nat(1_000_000)),
    advance: fc.option(fc.constantFrom('no' as const, 'addr' as const, 'remote' as const)),
  }),
  fc.record({
    type: fc.constant('challenge' as const),
    stateId: word,
    user: word,
    text,
    echo: fc.boolean(),
    response: fc.boolean(),
  }),
);

const anything = fc
  .tuple(fc.constantFrom('a', 'ä', '€', '😀', '\n\0'), fc.nat(1200), text)
  .map(([character, count, more]) => character.repeat(count).concat(more));

describe('AUTH_FAILED', () => {
  test('a client reads what a server has said', () => {
    fc.assert(
      fc.property(refusal, (said) => {
        const message = parseControlMessage(refusalMessage(said, MODERN));
        expect(message.type === 'auth-failed' && parseAuthFailed(message.reason)).toEqual(said);
      }),
    );
  });

  test('no reason makes a message that is too long, or one of two lines', () => {
    fc.assert(
      fc.property(anything, (reason) => {
        for (const type of ['refuse', 'expired', 'temporary'] as const) {
          const message = refusalMessage({ type, reason }, MODERN);
          expect(encodeControlMessage(message).length).toBeLessThanOrEqual(MAX_CONTROL_MESSAGE_LENGTH);
          expect(message).not.toMatch(/\p{Cc}/u);
        }
      }),
    );
  });

  test('any other text is a reason', () => {
    fc.assert(
      fc.property(fc.string(), (reason) => {
        const read = parseAuthFailed(reason);
        expect(read.type === 'refuse' ? read.reason : reason).toBe(reason);
      }),
    );
    expect(parseAuthFailed('TEMP')).toEqual({ type: 'temporary', reason: '', backoff: null, advance: null });
    expect(parseAuthFailed('TEMP[backoff x,advance up]: later')).toMatchObject({ reason: 'later', backoff: null });
    expect(parseAuthFailed('CRV1:R:no user')).toEqual({ type: 'refuse', reason: 'CRV1:R:no user' });
  });
});

test.each([
  ['WEB_AUTH::https://example.com/a:b', { type: 'web-auth', url: 'https://example.com/a:b', flags: [] }],
  ['WEB_AUTH:hidden,external:https://e.com', { type: 'web-auth', url: 'https://e.com', flags: ['hidden', 'external'] }],
  ['OPEN_URL:https://example.com', { type: 'open-url', url: 'https://example.com' }],
  ['CR_TEXT:R,E:PIN: now', { type: 'text', text: 'PIN: now', echo: true, response: true }],
  ['CR_TEXT::wait', { type: 'text', text: 'wait', echo: false, response: false }],
  ['WEB_AUTH:hidden:', null],
  ['OPEN_URL:', null],
  ['SOMETHING:else', null],
  ['', null],
])('INFO_PRE,%s', (info, expected) => {
  expect(parseInfoPre(info)).toEqual(expected);
});
