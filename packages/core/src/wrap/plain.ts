import { isDrop } from '../drop-reason.js';
import { PacketReader, PacketWriter } from '../wire/cursor.js';
import { decodePacketHead, encodePacketHead, PACKET_HEAD_LENGTH } from './packet-head.js';
import type { Wrapper } from './wrapper.js';

/** No protection. [wire 2] */
export const createPlainWrapper = (): Wrapper => ({
  overhead: 0,
  replayProtected: false,
  unwrap(packet) {
    const reader = new PacketReader(packet);
    const head = decodePacketHead(reader);
    return isDrop(head) ? head : { ...head, body: reader.rest(), replayId: null };
  },
  wrap(packet) {
    const writer = new PacketWriter(PACKET_HEAD_LENGTH + packet.body.length);
    return encodePacketHead(writer, packet).bytes(packet.body).finish();
  },
});
