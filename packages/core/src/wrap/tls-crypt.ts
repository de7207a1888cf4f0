import { type DropReason, isDrop } from '../drop-reason.js';
import { staticKeySlot } from '../keys/static-key.js';
import type { CryptoProvider, TlsCryptCodec } from '../ports.js';
import type { Role } from '../role.js';
import { PacketReader, PacketWriter } from '../wire/cursor.js';
import { decodePacketHead, encodePacketHead, PACKET_HEAD_LENGTH } from './packet-head.js';
import { REPLAY_ID_LENGTH, writeReplayId } from './replay-id.js';
import type { UnwrappedPacket, Wrapper } from './wrapper.js';

const HEADER_LENGTH = PACKET_HEAD_LENGTH + REPLAY_ID_LENGTH;

/** Encrypts and authenticates. The server sends with the first half of the key. [wire 3, 5] */
export const createTlsCryptWrapper = (key: Uint8Array, role: Role, crypto: CryptoProvider): Wrapper => {
  const codec = createTlsCryptCodec(key, role, crypto);
  return {
    overhead: REPLAY_ID_LENGTH + TLS_CRYPT_TAG_LENGTH,
    replayProtected: true,
    unwrap(packet): UnwrappedPacket | DropReason {
      const reader = new PacketReader(packet);
      const head = decodePacketHead(reader);
      if (isDrop(head)) {
        return head;
      }
      const replayId = { counter: reader.u32(), time: reader.u32() };
      if (reader.failed || reader.remaining < TLS_CRYPT_TAG_LENGTH) {
        return 'too-short';
      }
      const body = codec.open(HEADER_LENGTH, packet);
      return body === null ? 'bad-hmac' : { ...head, body, replayId };
    },
    wrap(packet) {
      const header = encodePacketHead(new PacketWriter(HEADER_LENGTH), packet);
      return codec.seal(writeReplayId(header, packet.replayId).finish(), packet.body);
    },
  };
};

export const TLS_CRYPT_TAG_LENGTH = 32;

export const createTlsCryptCodec = (key: Uint8Array, role: Role, crypto: CryptoProvider): TlsCryptCodec => {
  const send = role === 'server' ? 0 : 1;
  const receive = role === 'server' ? 1 : 0;
  const keyOf = (half: 0 | 1): Uint8Array =>
    new PacketWriter(64)
      .bytes(staticKeySlot(key, half, 'cipher', 32))
      .bytes(staticKeySlot(key, half, 'hmac', 32))
      .finish();
  const [sendKey, receiveKey] = [keyOf(send), keyOf(receive)];
  return crypto.tlsCrypt?.(sendKey, receiveKey) ?? composeTlsCrypt(sendKey, receiveKey, crypto);
};

/** Of a provider's single primitives. */
const composeTlsCrypt = (sendKey: Uint8Array, receiveKey: Uint8Array, crypto: CryptoProvider): TlsCryptCodec => ({
  seal(header, plaintext) {
    const tag = crypto.hmac('sha256', sendKey.subarray(32), [header, plaintext]);
    const ciphertext = crypto.aes256Ctr(sendKey.subarray(0, 32), tag.subarray(0, 16), plaintext);
    return new PacketWriter(header.length + tag.length + ciphertext.length)
      .bytes(header)
      .bytes(tag)
      .bytes(ciphertext)
      .finish();
  },
  open(headerLength, packet) {
    const tag = packet.subarray(headerLength, headerLength + TLS_CRYPT_TAG_LENGTH);
    const sealed = packet.subarray(headerLength + TLS_CRYPT_TAG_LENGTH);
    const plaintext = crypto.aes256Ctr(receiveKey.subarray(0, 32), tag.subarray(0, 16), sealed);
    const parts = [packet.subarray(0, headerLength), plaintext];
    return crypto.equal(tag, crypto.hmac('sha256', receiveKey.subarray(32), parts)) ? plaintext : null;
  },
});
