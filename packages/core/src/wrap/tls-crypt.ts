import { type DropReason, isDrop } from '../drop-reason.js';
import { staticKeySlot } from '../keys/static-key.js';
import type { CryptoProvider } from '../ports.js';
import type { Role } from '../role.js';
import { PacketReader, PacketWriter } from '../wire/cursor.js';
import { decodePacketHead, encodePacketHead, PACKET_HEAD_LENGTH } from './packet-head.js';
import { encodeReplayId, REPLAY_ID_LENGTH } from './replay-id.js';
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
      if (reader.failed) {
        return 'too-short';
      }
      const body = codec.open(packet.subarray(0, HEADER_LENGTH), reader.rest());
      return isDrop(body) ? body : { ...head, body, replayId };
    },
    wrap(packet) {
      const writer = new PacketWriter(HEADER_LENGTH + TLS_CRYPT_TAG_LENGTH + packet.body.length);
      encodePacketHead(writer, packet).bytes(encodeReplayId(packet.replayId));
      return writer.bytes(codec.seal(writer.finish(), packet.body)).finish();
    },
  };
};

export const TLS_CRYPT_TAG_LENGTH = 32;

/** The cipher of tls-crypt over any associated data. */
export interface TlsCryptCodec {
  /** Tag and ciphertext. */
  seal(header: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** Plaintext of what `seal` has made. */
  open(header: Uint8Array, sealed: Uint8Array): Uint8Array | DropReason;
}

export const createTlsCryptCodec = (key: Uint8Array, role: Role, crypto: CryptoProvider): TlsCryptCodec => {
  const send = role === 'server' ? 0 : 1;
  const receive = role === 'server' ? 1 : 0;
  const sendCipher = staticKeySlot(key, send, 'cipher', 32);
  const sendHmac = staticKeySlot(key, send, 'hmac', 32);
  const receiveCipher = staticKeySlot(key, receive, 'cipher', 32);
  const receiveHmac = staticKeySlot(key, receive, 'hmac', 32);
  return {
    seal(header, plaintext) {
      const tag = crypto.hmac('sha256', sendHmac, [header, plaintext]);
      const ciphertext = crypto.aes256Ctr(sendCipher, tag.subarray(0, 16), plaintext);
      return new PacketWriter(tag.length + ciphertext.length).bytes(tag).bytes(ciphertext).finish();
    },
    open(header, sealed) {
      const reader = new PacketReader(sealed);
      const tag = reader.bytes(TLS_CRYPT_TAG_LENGTH);
      if (reader.failed) {
        return 'too-short';
      }
      const plaintext = crypto.aes256Ctr(receiveCipher, tag.subarray(0, 16), reader.rest());
      return crypto.equal(tag, crypto.hmac('sha256', receiveHmac, [header, plaintext])) ? plaintext : 'bad-hmac';
    },
  };
};
