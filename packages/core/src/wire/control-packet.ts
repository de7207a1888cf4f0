import type { DropReason } from '../drop-reason.js';
import { PacketReader, PacketWriter } from './cursor.js';
import { type ControlOpcode, OPCODE } from './opcode.js';
import { decodeSessionId, encodeSessionId, SESSION_ID_LENGTH, type SessionId } from './session-id.js';

/** Longest ack list on the wire. [wire 2] */
export const MAX_ACKS = 8;

/** The part of a control packet that a wrapper protects: everything behind the sender's session id. [wire 2] */
export interface ControlBody {
  /** 0..8 message ids. */
  readonly acks: readonly number[];
  /** Session id of the receiver; present exactly when `acks` is not empty. */
  readonly ackedSessionId: SessionId | null;
  /** null in ACK_V1 only. */
  readonly messageId: number | null;
  /** TLS bytes; a view of the packet when decoded. Empty in ACK_V1. */
  readonly payload: Uint8Array;
}

/** Trailing bytes of an ACK_V1 are ignored. */
export const decodeControlBody = (opcode: ControlOpcode, body: Uint8Array): ControlBody | DropReason => {
  const reader = new PacketReader(body);
  const count = reader.u8();
  if (count > MAX_ACKS) {
    return 'too-many-acks';
  }
  const acks: number[] = [];
  for (let i = 0; i < count; i++) {
    acks.push(reader.u32());
  }
  const acked = count > 0 ? reader.bytes(SESSION_ID_LENGTH) : null;
  const messageId = opcode === OPCODE.ackV1 ? null : reader.u32();
  if (reader.failed) {
    return 'too-short';
  }
  return {
    acks,
    ackedSessionId: acked === null ? null : decodeSessionId(acked),
    messageId,
    payload: opcode === OPCODE.ackV1 ? body.subarray(0, 0) : reader.rest(),
  };
};

/** INVARIANT of the argument: `ackedSessionId` is null exactly when `acks` is empty. */
export const encodeControlBody = (body: ControlBody): Uint8Array => {
  const writer = new PacketWriter(controlBodyLength(body));
  writer.u8(body.acks.length);
  for (const id of body.acks) {
    writer.u32(id);
  }
  if (body.ackedSessionId !== null) {
    writer.bytes(encodeSessionId(body.ackedSessionId));
  }
  if (body.messageId !== null) {
    writer.u32(body.messageId);
  }
  return writer.bytes(body.payload).finish();
};

/** Bytes of a body with `acks` acks and a message id, without its payload: what is left of a packet is for TLS. */
export const controlBodyOverhead = (acks: number): number => 1 + 4 * acks + (acks > 0 ? SESSION_ID_LENGTH : 0) + 4;

const controlBodyLength = (body: ControlBody): number =>
  controlBodyOverhead(body.acks.length) - (body.messageId === null ? 4 : 0) + body.payload.length;
