import { type TlsCryptCodec, VpnError } from '@shardvpn/core';
import { tlsCryptOpen, tlsCryptSeal } from '@shardvpn/native';

const TAG_LENGTH = 32;

/** Where packets are opened, so that this takes no memory of its own; longer than any control packet. */
let scratch = new Uint8Array(4096);

/** tls-crypt with one call of the native core for a packet: around its few hundred bytes calls and views cost more than the cipher. */
export const nativeTlsCrypt = (sendKey: Uint8Array, receiveKey: Uint8Array): TlsCryptCodec => ({
  seal(header, plaintext) {
    const packet = new Uint8Array(header.length + TAG_LENGTH + plaintext.length);
    packet.set(header);
    packet.set(plaintext, header.length + TAG_LENGTH);
    if (!tlsCryptSeal(sendKey, header.length, packet))
      throw new VpnError('internal/tls-crypt', `a key of ${sendKey.length} bytes`);
    return packet;
  },
  open(headerLength, packet) {
    const { length } = packet;
    if (length > scratch.length) scratch = new Uint8Array(2 * length);
    scratch.set(packet);
    return tlsCryptOpen(receiveKey, headerLength, length, scratch)
      ? scratch.subarray(headerLength + TAG_LENGTH, length)
      : null;
  },
});
