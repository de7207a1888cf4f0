import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readGuarded } from '../../../../test/support/bytes.js';
import { createNodeCrypto } from '../../../../test/support/node-crypto.js';
import { LAB_STATIC_KEY } from '../../../../test/vectors/lab.js';
import { DROP_REASONS, isDrop } from '../drop-reason.js';
import { asKeyId } from '../ids.js';
import type { WrapOptions } from '../server/server-options.js';
import { decodeSessionId, ZERO_SESSION_ID } from '../wire/session-id.js';
import { createProtection } from './control-protection.js';
import type { UnwrappedPacket } from './wrapper.js';

const crypto = createNodeCrypto();
const key = LAB_STATIC_KEY;
const OPTIONS: readonly [string, WrapOptions, WrapOptions][] = [
  ['none', { type: 'none' }, { type: 'none' }],
  [
    'tls-auth',
    { type: 'tls-auth', key, direction: 0, digest: 'sha256' },
    { type: 'tls-auth', key, direction: 1, digest: 'sha256' },
  ],
  ['tls-crypt', { type: 'tls-crypt', key }, { type: 'tls-crypt', key }],
];

const packets = fc.record({
  opcode: fc.constantFrom(3, 4, 5, 7, 8, 10, 11),
  keyId: fc.integer({ min: 0, max: 7 }).map(asKeyId),
  sessionId: fc
    .uint8Array({ minLength: 8, maxLength: 8 })
    .map(decodeSessionId)
    .filter((id) => id !== ZERO_SESSION_ID),
  body: fc.uint8Array({ maxLength: 300 }),
  replayId: fc.record({
    counter: fc.integer({ min: 1, max: 0xffffffff }),
    time: fc.integer({ min: 0, max: 0xffffffff }),
  }),
}) as fc.Arbitrary<UnwrappedPacket>;

describe.each(OPTIONS)('%s', (_name, serverOptions, clientOptions) => {
  const server = createProtection(serverOptions, 'server', crypto).wrapper;
  const client = createProtection(clientOptions, 'client', crypto).wrapper;

  test('what one side wraps the other side unwraps', () => {
    fc.assert(
      fc.property(packets, fc.boolean(), (packet, up) => {
        const sent = server.replayProtected ? packet : { ...packet, replayId: null };
        const datagram = (up ? client : server).wrap(sent);
        expect(datagram.length).toBe(9 + sent.body.length + server.overhead);
        expect(readGuarded(datagram, (view) => (up ? server : client).unwrap(view))).toEqual(sent);
      }),
    );
  });

  test('random bytes are unwrapped or dropped, never thrown at', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.constantFrom(0x20, 0x28, 0x38, 0x50, 0xff), (bytes, first) => {
        const packet = Uint8Array.of(first, ...bytes);
        const result = readGuarded(packet, (view) => server.unwrap(view));
        expect(isDrop(result) ? DROP_REASONS.includes(result) : !server.replayProtected).toBe(true);
      }),
    );
  });

  test('every cut of a packet is dropped or shorter', () => {
    const packet = {
      opcode: 4,
      keyId: asKeyId(0),
      sessionId: decodeSessionId(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)),
      body: new Uint8Array(20),
      replayId: server.replayProtected ? { counter: 5, time: 6 } : null,
    } as const;
    const datagram = client.wrap(packet);
    for (let length = 0; length < datagram.length; length++) {
      const result = server.unwrap(datagram.subarray(0, length));
      const fine = isDrop(result) ? true : !server.replayProtected && result.body.length < packet.body.length;
      expect(fine).toBe(true);
    }
  });

  test.each([
    ['nothing', [], 'too-short'],
    ['half a session id', [0x38, 1, 2, 3], 'too-short'],
    ['an all-zero session id', [0x38, 0, 0, 0, 0, 0, 0, 0, 0, 0], 'zero-session-id'],
    ['a data packet', [0x48, 1, 2, 3, 4, 5, 6, 7, 8, 9], 'unknown-opcode'],
    ['key method 1', [0x08, 1, 2, 3, 4, 5, 6, 7, 8, 9], 'unsupported-opcode'],
  ])('%s is dropped with its reason', (_what, bytes, reason) => {
    expect(server.unwrap(Uint8Array.from(bytes))).toBe(reason);
  });
});
