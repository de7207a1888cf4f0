import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fromHex, readGuarded, toHex } from '../../../../test/support/bytes.js';
import { DROP_REASONS, isDrop } from '../drop-reason.js';
import { type ControlBody, decodeControlBody, encodeControlBody, MAX_ACKS } from './control-packet.js';
import { OPCODE } from './opcode.js';
import { decodeSessionId, encodeSessionId } from './session-id.js';

const sessionIds = fc.uint8Array({ minLength: 8, maxLength: 8 }).map(decodeSessionId);
const messageIds = fc.integer({ min: 0, max: 0xffffffff });
const bodies: fc.Arbitrary<ControlBody> = fc
  .record({
    acks: fc.array(messageIds, { maxLength: MAX_ACKS }),
    ackedSessionId: sessionIds,
    messageId: messageIds,
    payload: fc.uint8Array({ maxLength: 100 }),
  })
  .map((body) => ({ ...body, ackedSessionId: body.acks.length > 0 ? body.ackedSessionId : null }));

describe('the body of a control packet', () => {
  test('a server reset that acks the client reset [wire 19, KAT 2]', () => {
    const body = fromHex('01 00000000 b1ce0371ef8bd7ce 00000000');
    expect(decodeControlBody(OPCODE.hardResetServerV2, body)).toEqual({
      acks: [0],
      ackedSessionId: 'b1ce0371ef8bd7ce',
      messageId: 0,
      payload: new Uint8Array(0),
    });
  });

  test('a bare ack has no message id', () => {
    const ack = { acks: [7], ackedSessionId: decodeSessionId(fromHex('0102030405060708')), messageId: null };
    const bytes = encodeControlBody({ ...ack, payload: new Uint8Array(0) });
    expect(toHex(bytes)).toBe('01000000070102030405060708');
    expect(bytes.length).toBe(22 - 9);
    expect(decodeControlBody(OPCODE.ackV1, bytes)).toEqual({ ...ack, payload: new Uint8Array(0) });
  });

  test('round trip', () => {
    fc.assert(
      fc.property(bodies, (body) => {
        const decoded = readGuarded(encodeControlBody(body), (view) => decodeControlBody(OPCODE.controlV1, view));
        expect(decoded).toEqual(body);
      }),
    );
  });

  test('random bytes never throw', () => {
    const counted = fc.tuple(fc.integer({ min: 0, max: 10 }), fc.uint8Array({ maxLength: 60 }));
    fc.assert(
      fc.property(counted, fc.constantFrom(3, 4, 5, 7, 8), ([count, bytes], opcode) => {
        const body = readGuarded(Uint8Array.of(count, ...bytes), (view) => decodeControlBody(opcode, view));
        expect(!isDrop(body) || DROP_REASONS.includes(body)).toBe(true);
      }),
    );
  });

  test('more than eight acks are refused before they are read', () => {
    expect(decodeControlBody(OPCODE.ackV1, Uint8Array.of(9))).toBe('too-many-acks');
  });

  test('every cut before the payload is too short', () => {
    const body = fromHex('02 00000000 00000001 b1ce0371ef8bd7ce 00000005');
    for (let length = 0; length < body.length; length++) {
      expect(decodeControlBody(OPCODE.controlV1, body.subarray(0, length))).toBe('too-short');
    }
  });
});

describe('a session id', () => {
  test('round trip', () => {
    fc.assert(fc.property(sessionIds, (id) => expect(decodeSessionId(encodeSessionId(id))).toBe(id)));
  });

  test('has eight bytes', () => {
    expect(() => decodeSessionId(new Uint8Array(7))).toThrow('8 bytes');
  });
});
