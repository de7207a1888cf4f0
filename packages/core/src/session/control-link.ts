import { type DropReason, isDrop } from '../drop-reason.js';
import type { KeyId, Millis, Path, UnixSeconds } from '../ids.js';
import { splitWrappedKey } from '../keys/tls-crypt-v2.js';
import { ACKS_PER_PACKET } from '../reliable/acks.js';
import { type ControlBody, controlBodyOverhead, decodeControlBody, encodeControlBody } from '../wire/control-packet.js';
import { PacketWriter } from '../wire/cursor.js';
import { type ControlOpcode, carriesWrappedKey, decodeFirstByte, OPCODE } from '../wire/opcode.js';
import type { SessionId } from '../wire/session-id.js';
import type { ControlProtection } from '../wrap/control-protection.js';
import { PACKET_HEAD_LENGTH } from '../wrap/packet-head.js';
import { ReplayCounter } from '../wrap/replay-counter.js';
import {
  DEFAULT_TOLERANCE,
  type ReplayTolerance,
  ReplayWindow,
  type ReplayWindowState,
} from '../wrap/replay-window.js';
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
  readonly replayWindow?: ReplayTolerance | undefined;
}

/** What a link must not forget: what was seen, and from when on its own packets are newer. */
export interface ProtectionState {
  readonly sentTime: UnixSeconds;
  readonly window: ReplayWindowState;
}

export interface LinkState {
  /** Of a client with a key of its own, plain and sealed; null where the server's configuration has the key. [wire 7.1] */
  readonly clientKey: { readonly key: Uint8Array; readonly wrappedKey: Uint8Array } | null;
  readonly initial: ProtectionState;
  /** `key`: of the tls-crypt wrapper for key ids above 0; null where the initial protection serves them, too. */
  readonly renegotiated: (ProtectionState & { readonly key: Uint8Array }) | null;
}

/** Two session ids, a path, and the protection of the packets between them. [wire 2, 6, 9] */
export class ControlLink {
  path: Path;
  peerSessionId: SessionId | null;
  readonly ownSessionId: SessionId;
  readonly #clock: WallClock;
  readonly #tolerance: ReplayTolerance;
  #initial: NumberedProtection;
  #renegotiated: NumberedProtection;
  #packets = 0;

  constructor(input: ControlLinkInput) {
    this.path = input.path;
    this.peerSessionId = input.peerSessionId;
    this.ownSessionId = input.ownSessionId;
    this.#clock = input.clock;
    this.#tolerance = input.replayWindow ?? DEFAULT_TOLERANCE;
    const counter = new ReplayCounter(input.clock.unixAt(input.now), input.usedReplayIds);
    this.#initial = numbered(input.protection, counter, this.#tolerance);
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

  /** From now on `wrapper`, made from `key`, protects all packets of key ids above 0. [wire 9] */
  useForRenegotiation(now: Millis, wrapper: Wrapper, key: Uint8Array): void {
    const protection = { wrapper, key, wrappedKey: null };
    this.#renegotiated = numbered(protection, new ReplayCounter(this.#clock.unixAt(now)), this.#tolerance);
  }

  /** Goes on where another program's link has stopped: its packets are newer, and what it has seen is a replay. */
  restore(now: Millis, state: LinkState, wrapperOf: (key: Uint8Array) => Wrapper): void {
    const unixNow = this.#clock.unixAt(now);
    this.#initial = restored(this.#initial, state.initial, now, unixNow, this.#tolerance);
    this.#renegotiated = this.#initial;
    if (state.renegotiated !== null) {
      const { key } = state.renegotiated;
      const protection = { wrapper: wrapperOf(key), key, wrappedKey: null };
      this.#renegotiated = restored(protection, state.renegotiated, now, unixNow, this.#tolerance);
    }
  }

  get state(): LinkState {
    const { key, wrappedKey } = this.#initial;
    const ofOthers = this.#renegotiated === this.#initial ? null : this.#renegotiated;
    return {
      clientKey: key === null || wrappedKey === null ? null : { key, wrappedKey },
      initial: protectionState(this.#initial),
      renegotiated:
        ofOthers === null || ofOthers.key === null ? null : { ...protectionState(ofOthers), key: ofOthers.key },
    };
  }

  /** Packets that were let through or sealed: another number, another `state`. */
  get packets(): number {
    return this.#packets;
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
    this.#packets++;
    const opcode = packet.opcode === OPCODE.controlWkcV1 ? OPCODE.controlV1 : packet.opcode;
    return { opcode, keyId: packet.keyId, sessionId: packet.sessionId, body };
  }

  /** The datagram; a retransmission is sealed anew. */
  seal(now: Millis, keyId: KeyId, opcode: ControlOpcode, body: ControlBody): Uint8Array {
    const { wrapper, counter, wrappedKey } = this.#protectionOf(keyId);
    this.#packets++;
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

/** A later time is newer whatever the counter, so that the peer takes our packets although we do not know how many were sent. [wire 6] */
const restored = (
  protection: ControlProtection,
  state: ProtectionState,
  now: Millis,
  unixNow: UnixSeconds,
  tolerance: ReplayTolerance,
): NumberedProtection => ({
  ...protection,
  counter: new ReplayCounter(Math.max(unixNow, state.sentTime + 1)),
  window: ReplayWindow.restore(state.window, now, tolerance),
});

const protectionState = ({ counter, window }: NumberedProtection): ProtectionState => ({
  sentTime: counter.time,
  window: window.state,
});

const numbered = (
  protection: ControlProtection,
  counter: ReplayCounter,
  tolerance: ReplayTolerance,
): NumberedProtection => ({
  ...protection,
  counter,
  window: new ReplayWindow(tolerance),
});

/** The key is known already: its packet may come again. [wire 7.1] */
const withoutKey = ({ wrappedKey }: ControlProtection, bytes: Uint8Array): Uint8Array | DropReason => {
  if (wrappedKey === null) {
    return 'unsupported-opcode';
  }
  const split = splitWrappedKey(bytes);
  return isDrop(split) ? split : split.packet;
};
