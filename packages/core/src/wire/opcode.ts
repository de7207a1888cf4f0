import { asKeyId, type KeyId } from '../ids.js';

/** Packet types of the upper five bits of the first byte. [wire 1] */
export const OPCODE = {
  hardResetClientV1: 1,
  hardResetServerV1: 2,
  softResetV1: 3,
  controlV1: 4,
  ackV1: 5,
  dataV1: 6,
  hardResetClientV2: 7,
  hardResetServerV2: 8,
  dataV2: 9,
  hardResetClientV3: 10,
  controlWkcV1: 11,
} as const;

/** Packet types of the control channel that this implementation speaks. */
export type ControlOpcode = 3 | 4 | 5 | 7 | 8 | 10 | 11;

export interface FirstByte {
  readonly opcode: number;
  readonly keyId: KeyId;
}

export const decodeFirstByte = (byte: number): FirstByte => ({ opcode: byte >> 3, keyId: asKeyId(byte & 7) });

export const encodeFirstByte = (opcode: number, keyId: KeyId): number => (opcode << 3) | keyId;

/** Whether the client's sealed key is behind packets of this type. [wire 7.1] */
export const carriesWrappedKey = (opcode: number): boolean =>
  opcode === OPCODE.hardResetClientV3 || opcode === OPCODE.controlWkcV1;

/** Whether a client sends packets of this type only in a session that it has begun. [wire 1] */
export const continuesSession = (opcode: number): boolean =>
  opcode === OPCODE.softResetV1 || opcode === OPCODE.controlV1 || opcode === OPCODE.ackV1;

/** The control opcode, or why such a packet is dropped. */
export const classifyControlOpcode = (opcode: number): ControlOpcode | 'unknown-opcode' | 'unsupported-opcode' => {
  switch (opcode) {
    case OPCODE.softResetV1:
    case OPCODE.controlV1:
    case OPCODE.ackV1:
    case OPCODE.hardResetClientV2:
    case OPCODE.hardResetServerV2:
    case OPCODE.hardResetClientV3:
    case OPCODE.controlWkcV1:
      return opcode;
    case OPCODE.hardResetClientV1:
    case OPCODE.hardResetServerV1:
      return 'unsupported-opcode';
    default:
      return 'unknown-opcode';
  }
};
