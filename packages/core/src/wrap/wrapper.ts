import type { DropReason } from '../drop-reason.js';
import type { KeyId } from '../ids.js';
import type { ControlOpcode } from '../wire/opcode.js';
import type { SessionId } from '../wire/session-id.js';

/** Number of a wrapped packet; `time` (unix seconds of the sender) is the more significant half. [wire 6] */
export interface ReplayId {
  /** 1..2^32-1. */
  readonly counter: number;
  readonly time: number;
}

/** A control packet without its protection. */
export interface UnwrappedPacket {
  readonly opcode: ControlOpcode;
  readonly keyId: KeyId;
  /** The sender's own id, never all-zero. */
  readonly sessionId: SessionId;
  /** Ack part, message id and payload (`decodeControlBody`). A view of the datagram or a fresh array: copy to keep. */
  readonly body: Uint8Array;
  /** null without wrapping. Authenticated, but not checked against anything. */
  readonly replayId: ReplayId | null;
}

/**
 * Protection of control packets. Stateless, so that admission can use it before there is a session;
 * replay ids are the caller's (`ReplayCounter`, `ReplayWindow`).
 */
export interface Wrapper {
  /** Bytes this wrapping adds to a plain packet. */
  readonly overhead: number;
  /** Whether packets carry a `ReplayId`. */
  readonly replayProtected: boolean;
  /** Any bytes are fine; never throws. */
  unwrap(packet: Uint8Array): UnwrappedPacket | DropReason;
  /** The datagram. `replayId` must be there exactly when `replayProtected`; a fresh one for every transmission. */
  wrap(packet: UnwrappedPacket): Uint8Array;
}
