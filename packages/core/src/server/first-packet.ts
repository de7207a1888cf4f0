import { type DropReason, isDrop } from '../drop-reason.js';
import type { UnixSeconds } from '../ids.js';
import { decodeKeyTime, splitWrappedKey, unwrapClientKey } from '../keys/tls-crypt-v2.js';
import type { CryptoProvider } from '../ports.js';
import { carriesWrappedKey, decodeFirstByte } from '../wire/opcode.js';
import { type ControlProtection, createProtection } from '../wrap/control-protection.js';
import type { UnwrappedPacket } from '../wrap/wrapper.js';
import type { TlsCryptV2Options, WrapOptions } from './server-options.js';

/** A packet of an unknown client, without its protection. */
export interface FirstPacket {
  readonly packet: UnwrappedPacket;
  readonly protection: ControlProtection;
  /** What came with the client's own key; null without tls-crypt-v2. */
  readonly metadata: Uint8Array | null;
}

/** Opens packets of unknown clients: with the configured key, or with the one that a client brings along. [wire 7.1, 8] */
export class FirstPackets {
  readonly #crypto: CryptoProvider;
  readonly #configured: ControlProtection;
  #tlsCryptV2: TlsCryptV2Options | null;

  constructor(wrap: WrapOptions, tlsCryptV2: TlsCryptV2Options | null, crypto: CryptoProvider) {
    this.#crypto = crypto;
    this.#configured = createProtection(wrap, 'server', crypto);
    this.#tlsCryptV2 = tlsCryptV2;
  }

  /** For the packets from now on. */
  reconfigure(tlsCryptV2: TlsCryptV2Options | null): void {
    this.#tlsCryptV2 = tlsCryptV2;
  }

  open(bytes: Uint8Array): FirstPacket | DropReason {
    const v2 = this.#tlsCryptV2;
    if (carriesWrappedKey(decodeFirstByte(bytes[0] ?? 0).opcode)) {
      return v2 === null ? 'unsupported-opcode' : this.#openWithKey(v2.serverKey, bytes);
    }
    if (v2 !== null && this.#configured.key === null) {
      return 'client-key-required';
    }
    const packet = this.#configured.wrapper.unwrap(bytes);
    return isDrop(packet) ? packet : { packet, protection: this.#configured, metadata: null };
  }

  #openWithKey(serverKey: Uint8Array, bytes: Uint8Array): FirstPacket | DropReason {
    const split = splitWrappedKey(bytes);
    if (isDrop(split)) {
      return split;
    }
    const client = unwrapClientKey(serverKey, split.wrapped, this.#crypto);
    if (isDrop(client)) {
      return client;
    }
    // The packet is the caller's only during the call.
    const wrappedKey = split.wrapped.slice();
    const wrap = { type: 'tls-crypt-v2' as const, key: client.key, wrappedKey, canResend: false };
    const protection = createProtection(wrap, 'server', this.#crypto);
    const packet = protection.wrapper.unwrap(split.packet);
    return isDrop(packet) ? packet : { packet, protection, metadata: client.metadata };
  }
}

/** Why a client with this key is not taken; null when it is. [wire 8] */
export const keyFault = (
  { maxAge }: TlsCryptV2Options,
  metadata: Uint8Array,
  unixNow: UnixSeconds,
): DropReason | null => {
  if (maxAge === null) {
    return null;
  }
  const made = decodeKeyTime(metadata);
  return made === null || unixNow - made > maxAge * SECONDS_A_DAY ? 'client-key-too-old' : null;
};

const SECONDS_A_DAY = 86_400;
