import { type DropReason, isDrop } from '../drop-reason.js';
import type { KeyId, Millis, Path } from '../ids.js';
import { ACKS_PER_PACKET } from '../reliable/acks.js';
import { type ControlBody, controlBodyOverhead, decodeControlBody, encodeControlBody } from '../wire/control-packet.js';
import { splitWrappedKey } from '../keys/tls-crypt-v2.js';
import { type ControlOpcode, carriesWrappedKey, decodeFirstByte, OPCODE } from '../wire/opcode.js';
import type { SessionId } from '../wire/session-id.js';
import { PacketWriter } from '../wire/cursor.js';
import type { ControlProtection } from '../wrap/control-protection.js';
import { PACKET_HEAD_LENGTH } from '../wrap/packet-head.js';
import { ReplayCounter } from '../wrap/replay-counter.js';
import { ReplayWindow } from '../wrap/replay-window.js';
import type { Wrapper } from '../wrap/wrapper.js';
import type { WallClock } from './wall-clock.js';

/** A control packet that the wrapping lets through and that is meant for this session. */
export interface ControlPacket {
  readonly opcode: ControlOpcode;
  readonly keyId: KeyId;
  readonly sessionId: SessionId;
  readonly body: ControlBody;
}

export interface ControlLinkInput {
  readonly path: Path;
  readonly ownSessionId: SessionId;
  /** null until the peer's reset has been seen. */
  readonly peerSessionId: SessionId | null;
  readonly protection: ControlProtection;
  readonly clock: WallClock;
  readonly now: Millis;
  /** Replay ids that were used before there was a link: 1 behind a stateless reset. [wire 6] */
  readonly usedReplayIds: number;
}

/** Two session ids, a path, and the protection of the packets between them. [wire 2, 6, 9] */
export class ControlLink {
  path: Path;
  peerSessionId: SessionId | null;
  readonly ownSessionId: SessionId;
  readonly #clock: WallClock;
  readonly #initial: NumberedProtection;
  #renegotiated: NumberedProtection;

  constructor(input: ControlLinkInput) {
    this.path = input.path;
    this.peerSessionId = input.peerSessionId;
    this.ownSessionId = input.ownSessionId;
    this.#clock = input.clock;
    this.#initial = numbered(input.protection, new ReplayCounter(input.clock.unixAt(input.now), input.usedReplayIds));
    this.#renegotiated = this.#initial;
  }

  /** The configured key, or the client's own: 256 bytes, null without wrapping. [wire 9] */
  get staticKey(): Uint8Array | null {
    return this.#initial.key;
  }

  /** Bytes of the client's key, which go with packets that carry it; 0 without tls-crypt-v2. */
  get wrappedKeyLength(): number {
    return this.#initial.wrappedKey?.length ?? 0;
  }

  /** From now on `wrapper` protects all packets of key ids above 0. [wire 9] */
  useForRenegotiation(now: Millis, wrapper: Wrapper): void {
    const protection = { wrapper, key: null, wrappedKey: null };
    this.#renegotiated = numbered(protection, new ReplayCounter(this.#clock.unixAt(now)));
  }

  open(now: Millis, bytes: Uint8Array): ControlPacket | DropReason {
    const first = decodeFirstByte(bytes[0] ?? 0);
    const protection = this.#protectionOf(first.keyId);
    const bare = carriesWrappedKey(first.opcode) ? withoutKey(protection, bytes) : bytes;
    const packet = isDrop(bare) ? bare : protection.wrapper.unwrap(bare);
    if (isDrop(packet)) {
      return packet;
    }
    if (this.peerSessionId !== null && packet.sessionId !== this.peerSessionId) {
      return 'unknown-session';
    }
    const body = decodeControlBody(packet.opcode, packet.body);
    if (isDrop(body)) {
      return body;
    }
    if (body.ackedSessionId !== null && body.ackedSessionId !== this.ownSessionId) {
      return 'ack-session-mismatch';
    }
    if (packet.replayId !== null && !protection.window.accept(packet.replayId, now)) {
      return 'replayed';
    }
    const opcode = packet.opcode === OPCODE.controlWkcV1 ? OPCODE.controlV1 : packet.opcode;
    return { opcode, keyId: packet.keyId, sessionId: packet.sessionId, body };
  }

  /** The datagram; a retransmission is sealed anew. */
  seal(now: Millis, keyId: KeyId, opcode: ControlOpcode, body: ControlBody): Uint8Array {
    const { wrapper, counter, wrappedKey } = this.#protectionOf(keyId);
    const replayId = wrapper.replayProtected ? counter.next(this.#clock.unixAt(now)) : null;
    const sealed = wrapper.wrap({
      opcode,
      keyId,
      sessionId: this.ownSessionId,
      body: encodeControlBody(body),
      replayId,
    });
    return wrappedKey === null || !carriesWrappedKey(opcode)
      ? sealed
      : new PacketWriter(sealed.length + wrappedKey.length).bytes(sealed).bytes(wrappedKey).finish();
  }

  /** TLS bytes that fit into a packet of this key id, of `maxPacketSize` bytes with IP and UDP headers. [wire 10] */
  payloadRoom(keyId: KeyId, maxPacketSize: number): number {
    const headers = this.path.host.includes(':') ? IPV6_UDP_HEADERS : IPV4_UDP_HEADERS;
    const control =
      PACKET_HEAD_LENGTH + this.#protectionOf(keyId).wrapper.overhead + controlBodyOverhead(ACKS_PER_PACKET);
    return Math.max(maxPacketSize - headers - control, 1);
  }

  #protectionOf(keyId: KeyId): NumberedProtection {
    return keyId === 0 ? this.#initial : this.#renegotiated;
  }
}

const IPV4_UDP_HEADERS = 28;
const IPV6_UDP_HEADERS = 48;

/** Protection with the packet numbers of both directions. [wire 6] */
interface NumberedProtection extends ControlProtection {
  readonly counter: ReplayCounter;
  readonly window: ReplayWindow;
}

const numbered = (protection: ControlProtection, counter: ReplayCounter): NumberedProtection => ({
  ...protection,
  counter,
  window: new ReplayWindow(),
});

/** The key is known already: its packet may come again. [wire 7.1] */
const withoutKey = ({ wrappedKey }: ControlProtection, bytes: Uint8Array): Uint8Array | DropReason => {
  if (wrappedKey === null) {
    return 'unsupported-opcode';
  }
  const split = splitWrappedKey(bytes);
  return isDrop(split) ? split : split.packet;
};
