import { expect, test } from '@jest/globals';
import { fromHex, toHex } from '../../../../test/support/bytes.js';
import { asksToResendKey, encodeResendRequest, offersEarlyNegotiation } from './early-negotiation.js';

const counter = (value: number) => ({ counter: value, time: 0 });

test('the offer is in the upper byte of the first packet number [wire 7.1]', () => {
  expect(offersEarlyNegotiation(counter(0x0f000001))).toBe(true);
  expect(offersEarlyNegotiation(counter(0x0f000002))).toBe(true);
  expect(offersEarlyNegotiation(counter(0xff00_0001))).toBe(true);
  expect(offersEarlyNegotiation(counter(1))).toBe(false);
  expect(offersEarlyNegotiation(counter(0x0e000001))).toBe(false);
  expect(offersEarlyNegotiation(null)).toBe(false);
});

test('the answer asks for the key in the bytes of the reference [wire 19, KAT 3]', () => {
  expect(toHex(encodeResendRequest())).toBe('000100020001');
  expect(asksToResendKey(encodeResendRequest())).toBe(true);
});

test('unknown parts of the answer are skipped, broken ones mean nothing', () => {
  expect(asksToResendKey(fromHex('7777 0003 aabbcc 0001 0002 0001'))).toBe(true);
  expect(asksToResendKey(fromHex('0001 0002 fffe'))).toBe(false);
  expect(asksToResendKey(fromHex('0001 0002 00'))).toBe(false);
  expect(asksToResendKey(fromHex('0001 ffff 0001'))).toBe(false);
  expect(asksToResendKey(fromHex('00'))).toBe(false);
  expect(asksToResendKey(new Uint8Array(0))).toBe(false);
});
