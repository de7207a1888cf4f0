import { ok } from 'node:assert';
import { asKeyId, isDrop, type WrapOptions } from '@shardvpn/core';
import { splitWrappedKey, unwrapClientKey, wrapClientKey } from '../../../packages/core/src/keys/tls-crypt-v2.js';
import { OPCODE } from '../../../packages/core/src/wire/opcode.js';
import { decodeSessionId } from '../../../packages/core/src/wire/session-id.js';
import { createProtection } from '../../../packages/core/src/wrap/control-protection.js';
import { readGuarded } from '../../support/bytes.js';
import { createNodeCrypto } from '../../support/node-crypto.js';
import { ByteSource } from '../byte-source.js';

const crypto = createNodeCrypto();
const key = Uint8Array.from({ length: 256 }, (_, i) => (i * 11 + 5) & 255);
const WRAPS: readonly WrapOptions[] = [
  { type: 'none' },
  { type: 'tls-auth', key, direction: null, digest: 'sha1' },
  { type: 'tls-auth', key, direction: null, digest: 'sha512' },
  { type: 'tls-crypt', key },
];

/** Wrapped packets: any bytes, and a good packet whose bytes are changed, which no wrapping with a key may take. */
export const wrappings = (input: Uint8Array): void => {
  const source = new ByteSource(input);
  const wrap = WRAPS[source.u8() % WRAPS.length] as WrapOptions;
  const at = source.u16();
  const change = source.u8();
  const body = source.rest();
  readGuarded(body, (view) => createProtection(wrap, 'server', crypto).wrapper.unwrap(view));
  readGuarded(body, splitWrappedKey);
  readGuarded(body, (view) => unwrapClientKey(key.subarray(0, 128), view, crypto));
  const packet = wrapped(wrap, body);
  ok(!isDrop(readGuarded(packet, (view) => createProtection(wrap, 'server', crypto).wrapper.unwrap(view))));
  if (change === 0 || wrap.type === 'none') return;
  packet[at % packet.length] = (packet[at % packet.length] as number) ^ change;
  ok(isDrop(createProtection(wrap, 'server', crypto).wrapper.unwrap(packet)));
  const sealed = wrapClientKey(key.subarray(0, 128), { key, metadata: body.subarray(0, 734) }, crypto);
  sealed[at % (sealed.length - 2)] = (sealed[at % (sealed.length - 2)] as number) ^ change;
  ok(isDrop(unwrapClientKey(key.subarray(0, 128), sealed, crypto)));
};

const wrapped = (wrap: WrapOptions, body: Uint8Array): Uint8Array => {
  const { wrapper } = createProtection(wrap, 'client', crypto);
  return wrapper.wrap({
    opcode: OPCODE.controlV1,
    keyId: asKeyId(0),
    sessionId: decodeSessionId(Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8])),
    body,
    replayId: wrapper.replayProtected ? { counter: 1, time: 1_700_000_000 } : null,
  });
};
