import { type DropReason, isDrop } from '../drop-reason.js';
import { type KeyHalf, staticKeySlot } from '../keys/static-key.js';
import type { CryptoProvider, DigestName } from '../ports.js';
import { PacketReader, PacketWriter } from '../wire/cursor.js';
import { decodePacketHead, encodePacketHead, PACKET_HEAD_LENGTH } from './packet-head.js';
import { encodeReplayId, REPLAY_ID_LENGTH } from './replay-id.js';
import type { UnwrappedPacket, Wrapper } from './wrapper.js';

/** Bytes of a digest, which are the bytes of its HMAC key here as well. [wire 3] */
export const DIGEST_LENGTH: Readonly<Record<DigestName, number>> = {
  md5: 16,
  sha1: 20,
  sha224: 28,
  sha256: 32,
  sha384: 48,
  sha512: 64,
};

/** HMAC over the packet, nothing encrypted. `direction` is this side's `key-direction`, for either role. [wire 3, 4] */
export const createTlsAuthWrapper = (
  key: Uint8Array,
  direction: 0 | 1 | null,
  digest: DigestName,
  crypto: CryptoProvider,
): Wrapper => {
  const tagLength = DIGEST_LENGTH[digest];
  const halves = keyHalves(direction);
  const sendKey = staticKeySlot(key, halves.send, 'hmac', tagLength);
  const receiveKey = staticKeySlot(key, halves.receive, 'hmac', tagLength);
  const otherKey = staticKeySlot(key, halves.receive === 0 ? 1 : 0, 'hmac', tagLength);

  const verify = (head: Uint8Array, tag: Uint8Array, id: Uint8Array, body: Uint8Array): DropReason | null => {
    const parts = [id, head, body];
    if (crypto.equal(tag, crypto.hmac(digest, receiveKey, parts))) {
      return null;
    }
    return crypto.equal(tag, crypto.hmac(digest, otherKey, parts)) ? 'wrong-key-direction' : 'bad-hmac';
  };

  return {
    overhead: tagLength + REPLAY_ID_LENGTH,
    replayProtected: true,
    unwrap(packet): UnwrappedPacket | DropReason {
      const reader = new PacketReader(packet);
      const head = decodePacketHead(reader);
      if (isDrop(head)) {
        return head;
      }
      const tag = reader.bytes(tagLength);
      const id = reader.bytes(REPLAY_ID_LENGTH);
      const body = reader.rest();
      if (reader.failed) {
        return 'too-short';
      }
      const fault = verify(packet.subarray(0, PACKET_HEAD_LENGTH), tag, id, body);
      if (fault !== null) {
        return fault;
      }
      const idReader = new PacketReader(id);
      return { ...head, body, replayId: { counter: idReader.u32(), time: idReader.u32() } };
    },
    wrap(packet) {
      const head = encodePacketHead(new PacketWriter(PACKET_HEAD_LENGTH), packet).finish();
      const id = encodeReplayId(packet.replayId);
      const tag = crypto.hmac(digest, sendKey, [id, head, packet.body]);
      const writer = new PacketWriter(PACKET_HEAD_LENGTH + tagLength + REPLAY_ID_LENGTH + packet.body.length);
      return writer.bytes(head).bytes(tag).bytes(id).bytes(packet.body).finish();
    },
  };
};

const keyHalves = (direction: 0 | 1 | null): { send: KeyHalf; receive: KeyHalf } => {
  switch (direction) {
    case 0:
      return { send: 0, receive: 1 };
    case 1:
      return { send: 1, receive: 0 };
    case null:
      return { send: 0, receive: 0 };
  }
};
