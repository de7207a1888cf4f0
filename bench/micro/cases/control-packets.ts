import { randomBytes } from 'node:crypto';
import type { WrapOptions } from '@shardvpn/core';
import { nodeCrypto } from '@shardvpn/worker';
import type { ControlBody } from '../../../packages/core/dist/wire/control-packet.js';
import type { UnwrappedPacket } from '../../../packages/core/dist/wrap/wrapper.js';
import { coreModule } from '../core-internals.js';
import type { MicroCase } from '../micro-case.js';

type Wrapping = typeof import('../../../packages/core/dist/wrap/control-protection.js');
type ControlPacket = typeof import('../../../packages/core/dist/wire/control-packet.js');
type Ids = typeof import('../../../packages/core/dist/wire/session-id.js');

const BATCH = 16;
/** P_CONTROL_V1 */
const OPCODE = 4;

/** A full control packet: coded, and under each kind of protection. */
export async function controlPacketCases(): Promise<MicroCase[]> {
  const { encodeControlBody, decodeControlBody } = await coreModule<ControlPacket>('wire/control-packet');
  const { createProtection } = await coreModule<Wrapping>('wrap/control-protection');
  const { decodeSessionId } = await coreModule<Ids>('wire/session-id');
  const sessionId = decodeSessionId(new Uint8Array(8).fill(9));
  const body = encodeControlBody(bodyOf(sessionId));
  const key = randomBytes(256);
  const kinds: readonly [string, WrapOptions, WrapOptions][] = [
    ['tls-auth', auth(key, 0), auth(key, 1)],
    ['tls-crypt', { type: 'tls-crypt', key }, { type: 'tls-crypt', key }],
  ];
  const packet = { opcode: OPCODE, keyId: 0, sessionId, body, replayId: { counter: 1, time: 1 } } as UnwrappedPacket;
  const wrapped = kinds.flatMap(([name, ours, theirs]) => {
    const client = createProtection(ours, 'client', nodeCrypto).wrapper;
    const server = createProtection(theirs, 'server', nodeCrypto).wrapper;
    const datagram = client.wrap(packet);
    if (typeof server.unwrap(datagram) === 'string') throw new Error(`${name} does not fit itself`);
    return [
      often(`control packet/wrap, ${name}`, () => client.wrap(packet)),
      often(`control packet/unwrap, ${name}`, () => server.unwrap(datagram)),
    ];
  });
  return [
    often('control packet/encode', () => encodeControlBody(bodyOf(sessionId))),
    often('control packet/decode', () => decodeControlBody(OPCODE, body)),
    ...wrapped,
  ];
}

const auth = (key: Uint8Array, direction: 0 | 1): WrapOptions => ({ type: 'tls-auth', key, direction, digest: 'sha1' });

const PAYLOAD = new Uint8Array(1200).fill(5);

const bodyOf = (sessionId: UnwrappedPacket['sessionId']): ControlBody =>
  ({ acks: [1, 2, 3, 4], ackedSessionId: sessionId, messageId: 7, payload: PAYLOAD }) as unknown as ControlBody;

let kept: unknown;

function often(name: string, step: () => unknown): MicroCase {
  return {
    name,
    operations: BATCH,
    run: () => {
      // Kept, so that no step is optimised away.
      for (let n = 0; n < BATCH; n++) kept = step();
      if (kept === undefined) throw new Error(`${name} gave nothing`);
    },
  };
}
