import { expect, test } from '@jest/globals';
import { asKeyId } from '../ids.js';
import type { TlsEvent, TlsSession } from '../ports.js';
import { OPCODE } from '../wire/opcode.js';
import { decodeSessionId } from '../wire/session-id.js';
import { KeyChannel } from './key-channel.js';

/** Answers whatever it is fed by as many bytes. */
const echoingTls = (): TlsSession => {
  const events: TlsEvent[] = [];
  return {
    feed: (bytes) => events.push({ type: 'ciphertext', bytes: bytes.slice() }),
    send: () => undefined,
    poll: () => events.shift(),
    exportKeyingMaterial: () => null,
    destroy: () => undefined,
  };
};

test('what TLS says to a peer that acks nothing is bounded, and told as its failure once', () => {
  const channel = new KeyChannel({
    keyId: asKeyId(0),
    openTls: echoingTls,
    past: { type: 'none' },
    tlsSpeaksFirst: false,
    reset: null,
    payloadRoom: 1200,
    wrappedKeyLength: 0,
    tlsTimeout: 2000,
  });
  let failures = 0;
  for (let messageId = 1; messageId <= 3000; messageId++) {
    const body = { acks: [], ackedSessionId: null, messageId, payload: new Uint8Array(1000) };
    channel.handlePacket({
      opcode: OPCODE.controlV1,
      keyId: asKeyId(0),
      sessionId: decodeSessionId(new Uint8Array(8)),
      body,
    });
    for (let event = channel.pollEvent(); event !== undefined; event = channel.pollEvent())
      if (event.type === 'failed') failures++;
    while (channel.pollPacket(0) !== undefined);
  }
  expect(failures).toBe(1);
  expect(channel.state.output.length).toBeLessThan(1.1 * 2 ** 20);
  expect(channel.state.receive.nextId).toBe(3001);
});
