import type { DropReason } from '../drop-reason.js';
import type { KeyId } from '../ids.js';
import type { PacketReader, PacketWriter } from '../wire/cursor.js';
import { type ControlOpcode, classifyControlOpcode, decodeFirstByte, encodeFirstByte } from '../wire/opcode.js';
import {
  decodeSessionId,
  encodeSessionId,
  SESSION_ID_LENGTH,
  type SessionId,
  ZERO_SESSION_ID,
} from '../wire/session-id.js';

/** What every control packet begins with, in clear under every wrapping. [wire 2, 4, 5] */
export interface PacketHead {
  readonly opcode: ControlOpcode;
  readonly keyId: KeyId;
  readonly sessionId: SessionId;
}

export const PACKET_HEAD_LENGTH = 1 + SESSION_ID_LENGTH;

export const decodePacketHead = (reader: PacketReader): PacketHead | DropReason => {
  const first = decodeFirstByte(reader.u8());
  const id = reader.bytes(SESSION_ID_LENGTH);
  if (reader.failed) {
    return 'too-short';
  }
  const opcode = classifyControlOpcode(first.opcode);
  if (typeof opcode === 'string') {
    return opcode;
  }
  const sessionId = decodeSessionId(id);
  return sessionId === ZERO_SESSION_ID ? 'zero-session-id' : { opcode, keyId: first.keyId, sessionId };
};

export const encodePacketHead = (writer: PacketWriter, head: PacketHead): PacketWriter =>
  writer.u8(encodeFirstByte(head.opcode, head.keyId)).bytes(encodeSessionId(head.sessionId));
