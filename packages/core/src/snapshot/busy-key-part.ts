import type { Millis } from '../ids.js';
import type { PeerCertificate } from '../ports.js';
import type { ReceiveState } from '../reliable/receive-window.js';
import type { SendState } from '../reliable/send-window.js';
import type { ChannelState } from '../session/key-channel.js';
import { type ControlOpcode, classifyControlOpcode, OPCODE } from '../wire/opcode.js';
import type { BlobReader } from './blob-reader.js';
import type { BlobWriter } from './blob-writer.js';
import { readCertificate, writeCertificate } from './certificate-part.js';

/** A key id in the middle of an exchange: a negotiation, or control messages that are not acked yet. */
export interface BusyKeyPart {
  /** Whether it follows the current key id. */
  readonly isNext: boolean;
  readonly startedAt: Millis;
  readonly phase: BusyPhase;
  /** Whether TLS has begun: without its session nobody can go on then. */
  readonly hasTls: boolean;
  readonly channel: ChannelState;
}

/** `complete`: the key methods are exchanged. */
export type BusyPhase =
  | { readonly type: 'await-tls' | 'complete' }
  | { readonly type: 'await-key-method'; readonly certificate: PeerCertificate | null; readonly tls: string };

const PHASES = ['await-tls', 'complete', 'await-key-method'] as const;

export const writeBusyKey = (writer: BlobWriter, { isNext, startedAt, phase, hasTls, channel }: BusyKeyPart): void => {
  writer.flag(isNext).f64(startedAt).flag(hasTls).u8(PHASES.indexOf(phase.type));
  if (phase.type === 'await-key-method') {
    writer.maybe(phase.certificate, (certificate) => writeCertificate(writer, certificate));
    writer.text(phase.tls);
  }
  const { send, receive, output, held } = channel;
  writer.u32(send.nextId).list(send.unacked, (packet) => writePacket(writer, packet));
  writer.u32(receive.nextId).list(receive.held, (packet) => writePacket(writer, packet));
  writeBytes(writer, output);
  writer.maybe(held, (messages) => writer.list(messages, (message) => writeBytes(writer, message)));
};

/** Fields in the order of their calls. */
export const readBusyKey = (reader: BlobReader): BusyKeyPart => {
  const [isNext, startedAt, hasTls] = [reader.flag(), reader.f64(), reader.flag()];
  return { isNext, startedAt, hasTls, phase: readPhase(reader), channel: readChannel(reader) };
};

const readPhase = (reader: BlobReader): BusyPhase => {
  const type = PHASES[reader.u8()];
  if (type === 'await-key-method') {
    return { type, certificate: reader.maybe(() => readCertificate(reader)), tls: reader.text() };
  }
  if (type === undefined) reader.fail();
  return { type: type ?? 'await-tls' };
};

const readChannel = (reader: BlobReader): ChannelState => {
  const send: SendState = { nextId: readNextId(reader), unacked: reader.list(() => readPacket(reader)) };
  const receive: ReceiveState = { nextId: readNextId(reader), held: reader.list(() => readPacket(reader)) };
  const output = readBytes(reader);
  return { send, receive, output, held: reader.maybe(() => reader.list(() => readBytes(reader))) };
};

/** No key exchange takes so many packets that they run out of numbers. */
const readNextId = (reader: BlobReader): number => {
  const nextId = reader.u32();
  if (nextId > LAST_NEXT_ID) reader.fail();
  return nextId;
};

const LAST_NEXT_ID = 0x7fffffff;

interface Packet {
  readonly messageId: number;
  readonly opcode: ControlOpcode;
  readonly payload: Uint8Array;
}

const writePacket = (writer: BlobWriter, { messageId, opcode, payload }: Packet): void => {
  writer.u32(messageId).u8(opcode);
  writeBytes(writer, payload);
};

const readPacket = (reader: BlobReader): Packet => {
  const [messageId, opcode] = [reader.u32(), classifyControlOpcode(reader.u8())];
  if (typeof opcode === 'string') reader.fail();
  return { messageId, opcode: typeof opcode === 'string' ? OPCODE.controlV1 : opcode, payload: readBytes(reader) };
};

const writeBytes = (writer: BlobWriter, bytes: Uint8Array): BlobWriter => writer.u32(bytes.length).raw(bytes);

const readBytes = (reader: BlobReader): Uint8Array => reader.raw(reader.u32());
