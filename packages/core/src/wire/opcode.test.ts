import { expect, test } from '@jest/globals';
import { asKeyId } from '../ids.js';
import { classifyControlOpcode, decodeFirstByte, encodeFirstByte, OPCODE } from './opcode.js';

test('the first byte holds opcode and key id', () => {
  for (let byte = 0; byte < 256; byte++) {
    const { opcode, keyId } = decodeFirstByte(byte);
    expect(encodeFirstByte(opcode, keyId)).toBe(byte);
  }
  expect(encodeFirstByte(OPCODE.softResetV1, asKeyId(1))).toBe(0x19);
  expect(encodeFirstByte(OPCODE.hardResetClientV2, asKeyId(0))).toBe(0x38);
});

test('data packets are no control packets', () => {
  expect(classifyControlOpcode(OPCODE.dataV1)).toBe('unknown-opcode');
  expect(classifyControlOpcode(OPCODE.dataV2)).toBe('unknown-opcode');
  expect(classifyControlOpcode(OPCODE.hardResetClientV1)).toBe('unsupported-opcode');
});
