import { expect, test } from '@jest/globals';
import { asKeyId } from '../ids.js';
import type { TlsEvent, TlsSession } from '../ports.js';
import { type ControlOpcode, OPCODE } from '../wire/opcode.js';
import { decodeSessionId } from '../wire/session-id.js';
import type { ControlPacket } from './control-link.js';
import { KeyChannel, type KeyChannelInput } from './key-channel.js';

/** Answers whatever it is fed by as many bytes, and seals nothing. */
const echoingTls = (): TlsSession => {
  const events: TlsEvent[] = [];
  const emit = (bytes: Uint8Array) => events.push({ type: 'ciphertext', bytes: bytes.slice() });
  return {
    feed: emit,
    send: emit,
    poll: () => events.shift(),
    exportKeyingMaterial: () => null,
    destroy: () => undefined,
  };
};

const input = (keyId: number, reset: ControlOpcode | null): KeyChannelInput => ({
  keyId: asKeyId(keyId),
  openTls: echoingTls,
  past: { type: 'none' },
  tlsSpeaksFirst: false,
  reset,
  payloadRoom: 1200,
  wrappedKeyLength: 0,
  tlsTimeout: 2000,
});

const packet = (
  keyId: number,
  opcode: ControlOpcode,
  messageId: number | null,
  acks: readonly number[],
  payload = new Uint8Array(0),
): ControlPacket => ({
  opcode,
  keyId: asKeyId(keyId),
  sessionId: decodeSessionId(new Uint8Array(8)),
  body: { acks, ackedSessionId: null, messageId, payload },
});

const sent = (channel: KeyChannel): readonly Uint8Array[] => {
  const payloads: Uint8Array[] = [];
  while (channel.pollEvent() !== undefined);
  for (let due = channel.pollPacket(0); due !== undefined; due = channel.pollPacket(0)) payloads.push(due.payload);
  return payloads.filter(({ length }) => length > 0);
};

const HELLO = Uint8Array.of(1, 2, 3);

test('a peer that takes our soft reset may answer by what TLS says, as OpenVPN 3 does', () => {
  for (const acks of [[0], []]) {
    const channel = new KeyChannel(input(1, OPCODE.softResetV1));
    expect(sent(channel)).toEqual([]);
    expect(channel.peerStarted).toBe(false);
    expect(channel.handlePacket(packet(1, OPCODE.controlV1, 0, acks, HELLO))).toBeNull();
    expect(channel.peerStarted).toBe(true);
    expect(sent(channel)).toEqual([HELLO]);
  }
});

test('whoever speaks first in TLS does so once its soft reset is acked', () => {
  const opened: TlsSession[] = [];
  const openTls = () => opened[opened.push(echoingTls()) - 1] as TlsSession;
  const channel = new KeyChannel({ ...input(2, OPCODE.softResetV1), tlsSpeaksFirst: true, openTls });
  sent(channel);
  expect(opened).toHaveLength(0);
  channel.handlePacket(packet(2, OPCODE.ackV1, null, [0]));
  expect(opened).toHaveLength(1);
  opened[0]?.feed(HELLO);
  expect(sent(channel)).toEqual([HELLO]);
  channel.handlePacket(packet(2, OPCODE.softResetV1, 0, [0]));
  expect(opened).toHaveLength(1);
});

test('what is sent behind a key-method message waits for its ack, also with whoever goes on', () => {
  const [late, later] = [Uint8Array.of(7), Uint8Array.of(8, 8)];
  const channel = new KeyChannel(input(0, null));
  channel.handlePacket(packet(0, OPCODE.controlV1, 1, [], HELLO));
  expect(sent(channel)).toEqual([HELLO]);
  channel.handlePacket(packet(0, OPCODE.ackV1, null, [1]));
  channel.sendKeyMethod(HELLO);
  channel.send(late);
  expect(sent(channel)).toEqual([HELLO]);
  expect(channel.isFlushed).toBe(false);
  const past = { type: 'kept' as const, state: channel.state, tls: echoingTls() };
  for (const each of [channel, new KeyChannel({ ...input(0, null), past })]) {
    sent(each);
    each.handlePacket(packet(0, OPCODE.ackV1, null, [2]));
    expect(sent(each)).toEqual([late]);
    expect(each.isFlushed).toBe(false);
    each.handlePacket(packet(0, OPCODE.ackV1, null, [3]));
    expect(each.isFlushed).toBe(true);
    each.send(later);
    expect(sent(each)).toEqual([later]);
  }
});

test('a first key id begins by a hard reset and by nothing else', () => {
  const channel = new KeyChannel(input(0, OPCODE.hardResetServerV2));
  sent(channel);
  channel.handlePacket(packet(0, OPCODE.controlV1, 0, [0], HELLO));
  expect(channel.peerStarted).toBe(false);
  expect(sent(channel)).toEqual([]);
});

test('what TLS says to a peer that acks nothing is bounded, and told as its failure once', () => {
  const channel = new KeyChannel(input(0, null));
  let failures = 0;
  for (let messageId = 1; messageId <= 3000; messageId++) {
    channel.handlePacket(packet(0, OPCODE.controlV1, messageId, [], new Uint8Array(1000)));
    for (let event = channel.pollEvent(); event !== undefined; event = channel.pollEvent())
      if (event.type === 'failed') failures++;
    while (channel.pollPacket(0) !== undefined);
  }
  expect(failures).toBe(1);
  expect(channel.state.output.length).toBeLessThan(1.1 * 2 ** 20);
  expect(channel.state.receive.nextId).toBe(3001);
});
