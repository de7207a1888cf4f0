import { deepStrictEqual } from 'node:assert';
import { isDrop } from '../../../packages/core/src/drop-reason.js';
import { decodeControlBody, encodeControlBody } from '../../../packages/core/src/wire/control-packet.js';
import { PacketReader } from '../../../packages/core/src/wire/cursor.js';
import { OPCODE } from '../../../packages/core/src/wire/opcode.js';
import { decodePacketHead } from '../../../packages/core/src/wrap/packet-head.js';
import { readGuarded } from '../../support/bytes.js';

/** Heads and bodies of control packets: what is decoded encodes to the bytes it came from. */
export const controlPackets = (input: Uint8Array): void => {
  readGuarded(input, (view) => decodePacketHead(new PacketReader(view)));
  for (const opcode of [OPCODE.ackV1, OPCODE.controlV1, OPCODE.hardResetClientV2] as const) {
    const body = readGuarded(input, (view) => decodeControlBody(opcode, view));
    if (isDrop(body)) continue;
    const encoded = encodeControlBody(body);
    deepStrictEqual(encoded, Uint8Array.from(input.subarray(0, encoded.length)));
    deepStrictEqual(decodeControlBody(opcode, encoded), body);
  }
};
