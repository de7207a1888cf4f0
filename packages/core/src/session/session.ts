import type { DataCommand, DataSuite } from '../data-plane.js';
import type { DropReason } from '../drop-reason.js';
import { asKeyId, type KeyId, type Millis, type PeerId } from '../ids.js';
import type { DataKeys } from '../keys/data-keys.js';
import type { TlsSession } from '../ports.js';
import type { Role } from '../role.js';
import { encodeControlMessage } from '../wire/control-message.js';
import { type ControlOpcode, OPCODE } from '../wire/opcode.js';
import type { ControlLink, ControlPacket } from './control-link.js';
import { DataKeySchedule, type KeyScheduleState } from './data-key-schedule.js';
import { type Deadline, deadline, earliest } from './deadline.js';
import { type ChannelPast, type ChannelState, KeyChannel, type KeyChannelEvent } from './key-channel.js';
import type { Fifo, Transmit } from './outbox.js';
import type { SessionTimes } from './session-times.js';

export interface SessionInput {
  readonly role: Role;
  readonly link: ControlLink;
  readonly times: SessionTimes;
  /** Of a control packet with its IP and UDP headers. [wire 10] */
  readonly maxPacketSize: number;
  readonly openTls: () => TlsSession;
  readonly transmits: Fifo<Transmit>;
  readonly commands: Fifo<DataCommand>;
  readonly lifeShare: () => number;
}

/** A negotiated or negotiating key id; `Phase` is the role's own union. */
export interface Key<Phase> {
  readonly channel: KeyChannel;
  readonly startedAt: Millis;
  phase: Phase;
}

/** A key id that another program was in the middle of, and that can be gone on with. `tls`: null where that has not begun. */
export interface KeptKey<Phase> {
  /** Whether it is `next`. */
  readonly isNext: boolean;
  readonly startedAt: Millis;
  readonly phase: Phase;
  readonly channel: ChannelState;
  readonly tls: TlsSession | null;
}

/** What the role makes of what the session carries. */
export interface SessionHandler<Phase> {
  /** Phase of a key id whose TLS session has not begun. */
  firstPhase(): Phase;
  handleTlsEvent(now: Millis, key: Key<Phase>, event: KeyChannelEvent): void;
  /** Everything that has arrived has been dealt with; `isFlushed` of the channels is up to date. */
  handleSettled(now: Millis): void;
  /** A renegotiation has come to nothing; the current key goes on. */
  handleRenegotiationFailed(now: Millis, detail: string): void;
  /** Whether another key id may be begun; one after the other. [wire 17] */
  readonly mayRenegotiate: boolean;
  /** No key is left to go on with. */
  handleKeysExpired(now: Millis): void;
}

/**
 * One control session with its key ids, the same for both roles: `current`, and `next` while it is negotiated.
 * Packets of other key ids are out of sync. [wire 2, 17]
 */
export class Session<Phase> {
  readonly link: ControlLink;
  readonly #input: SessionInput;
  readonly #handler: SessionHandler<Phase>;
  #current: Key<Phase>;
  #next: Key<Phase> | null = null;
  #dataKeys: DataKeySchedule | null = null;
  /** Control messages that wait for the end of a renegotiation. [wire 17] */
  #pending: string[] = [];

  /** `reset`: our own first packet, null behind a stateless reset. */
  constructor(input: SessionInput, handler: SessionHandler<Phase>, now: Millis, reset: ControlOpcode | null) {
    this.link = input.link;
    this.#input = input;
    this.#handler = handler;
    this.#current = this.#createKey(now, asKeyId(0), reset);
  }

  /**
   * Goes on with data keys of another program, and with the key id that was in the middle of its exchange. Without such
   * a one nothing can be said on the current key id: a renegotiation follows at `renegotiateAt`, or as soon as the peer
   * says something there.
   */
  static restore<Phase>(
    input: SessionInput,
    handler: SessionHandler<Phase>,
    now: Millis,
    data: { readonly peerId: PeerId; readonly suite: DataSuite; readonly phase: Phase },
    state: KeyScheduleState,
    negotiation: { readonly renegotiateAt: Millis; readonly kept: KeptKey<Phase> | null },
  ): Session<Phase> {
    const session = new Session(input, handler, now, null);
    const { commands, times, lifeShare } = input;
    const { renegotiateAt, kept } = negotiation;
    const isNegotiating = kept?.isNext ?? false;
    const schedule = { ...data, commands, times, lifeShare };
    session.#dataKeys = DataKeySchedule.restore(schedule, state, isNegotiating ? null : renegotiateAt);
    const lost = { channel: session.#createChannel(state.keyId, null, { type: 'lost' }), startedAt: now };
    session.#current = { ...lost, phase: data.phase };
    if (kept !== null) {
      const keyId = kept.isNext ? followingKeyId(state.keyId) : state.keyId;
      const { startedAt, phase, channel: before, tls } = kept;
      const channel = session.#createChannel(keyId, null, { type: 'kept', state: before, tls });
      if (kept.isNext) session.#next = { channel, startedAt, phase };
      else session.#current = { channel, startedAt, phase };
    }
    return session;
  }

  get current(): Key<Phase> {
    return this.#current;
  }

  get keys(): readonly Key<Phase>[] {
    return this.#next === null ? [this.#current] : [this.#current, this.#next];
  }

  /** What the data keys are and when they change; null without any. */
  get keySchedule(): KeyScheduleState | null {
    return this.#dataKeys?.state ?? null;
  }

  /** The key id in the middle of an exchange that begins only once: a negotiation, or its end that is not acked yet. */
  get busyKey(): { readonly key: Key<Phase>; readonly isNext: boolean } | null {
    const next = this.#next;
    if (next !== null) return { key: next, isNext: true };
    const { channel } = this.#current;
    return channel.isLost || channel.isFlushed ? null : { key: this.#current, isNext: false };
  }

  get times(): SessionTimes {
    return this.#input.times;
  }

  get hasDataKeys(): boolean {
    return this.#dataKeys !== null;
  }

  /** Everything sent has been acked, on all key ids the peer still listens to. */
  get isFlushed(): boolean {
    return this.#pending.length === 0 && this.#liveKeys().every((key) => key.channel.isFlushed);
  }

  get nextDeadline(): Deadline | undefined {
    const next = this.#next;
    return earliest([
      ...this.#liveKeys().map((key) => key.channel.nextDeadline),
      next === null
        ? undefined
        : deadline(next.startedAt + this.#input.times.handWindow, 'hand-window of a renegotiation'),
      this.#dataKeys?.nextDeadline,
    ]);
  }

  /** An opened packet of this session; null when it counts as a sign of life. `settle` has to follow. */
  handlePacket(now: Millis, packet: ControlPacket): DropReason | null {
    const key = this.#keyOf(now, packet);
    if (typeof key === 'string') {
      return key;
    }
    if (!key.channel.isLost) {
      return key.channel.handlePacket(packet);
    }
    if (packet.body.messageId !== null && this.keySchedule?.useAt === null) {
      this.renegotiate(now);
    }
    return null;
  }

  /** Lets the role deal with everything TLS has to say, then turns what is due into datagrams. */
  settle(now: Millis): void {
    this.#drainTls(now);
    this.#handler.handleSettled(now);
    this.#drainTls(now);
    this.#flush(now);
  }

  /** `settle` has to follow. */
  handleTimeout(now: Millis): void {
    const next = this.#next;
    if (next !== null && next.startedAt + this.#input.times.handWindow <= now) {
      this.abandonNext(now, 'the handshake took longer than hand-window');
    }
    switch (this.#dataKeys?.handleTimeout(now, this.#current.channel.isFlushed)) {
      case 'expired':
        this.#handler.handleKeysExpired(now);
        break;
      case 'renegotiate':
        this.#renegotiateWhenQuiet(now);
        break;
      case undefined:
        break;
    }
  }

  /** Sends a control message; it waits for the end of a renegotiation, since a soft reset deafens the peer's old key id. */
  sendMessage(text: string): void {
    if (this.#next === null && !this.#current.channel.isLost) {
      this.#current.channel.send(encodeControlMessage(text));
    } else {
      this.#pending.push(text);
    }
  }

  /** A session whose TLS is lost renegotiates for it. `stopData` may follow. */
  sendLastMessage(now: Millis, text: string): void {
    this.sendMessage(text);
    if (this.#current.channel.isLost) {
      this.renegotiate(now);
    }
  }

  /** Keys of key id 0: from now on renegotiations are possible. */
  installFirstKeys(now: Millis, peerId: PeerId, suite: DataSuite, keys: DataKeys): void {
    const { commands, times, lifeShare } = this.#input;
    const keyId = this.#current.channel.keyId;
    this.#dataKeys = DataKeySchedule.begin({ peerId, suite, commands, times, lifeShare }, now, keyId, keys);
  }

  /** The same where the data thread knows the peer by an earlier session, with these keys. */
  succeedFirstKeys(now: Millis, peerId: PeerId, suite: DataSuite, keys: DataKeys, before: KeyScheduleState): void {
    const { commands, times, lifeShare } = this.#input;
    const { keyId } = this.#current.channel;
    this.#dataKeys = DataKeySchedule.succeed({ peerId, suite, commands, times, lifeShare }, now, keyId, keys, before);
  }

  /** The peer may have no other key. */
  useNewestKey(now: Millis): void {
    this.#dataKeys?.useNewest(now);
  }

  /** The negotiated key becomes the current one. */
  completeNext(now: Millis, keys: DataKeys): void {
    if (this.#next !== null && this.#dataKeys !== null) {
      this.#dataKeys.installNext(now, this.#next.startedAt, this.#next.channel.keyId, keys);
      this.promoteNext();
    }
  }

  /** Control messages that waited go out on the negotiated key id; the data channel stays as it is. */
  promoteNext(): void {
    if (this.#next === null) {
      return;
    }
    this.#current.channel.destroy();
    this.#current = this.#next;
    this.#next = null;
    this.#sendPending();
  }

  abandonNext(now: Millis, detail: string): void {
    if (this.#next !== null) {
      this.#next.channel.destroy();
      this.#next = null;
      this.#dataKeys?.abandonNext(now);
      this.#sendPending();
      this.#handler.handleRenegotiationFailed(now, detail);
    }
  }

  /** Soft reset from our side, unless one is under way. `settle` has to follow. */
  renegotiate(now: Millis): void {
    if (this.#next === null && this.#dataKeys !== null) {
      this.#dataKeys.renegotiateAt(now);
      this.#renegotiateWhenQuiet(now);
    }
  }

  /** No more renegotiations and no more key commands: the data thread forgets the peer. */
  stopData(): void {
    this.#dataKeys = null;
  }

  destroy(): void {
    this.#current.channel.destroy();
    this.#next?.channel.destroy();
  }

  #sendPending(): void {
    const pending = this.#pending;
    this.#pending = [];
    for (const text of pending) {
      this.sendMessage(text);
    }
  }

  /** The key id of a packet; a soft reset may begin one. [wire 17] */
  #keyOf(now: Millis, packet: ControlPacket): Key<Phase> | DropReason {
    const live = this.#liveKeys().find((key) => key.channel.keyId === packet.keyId);
    if (live !== undefined) {
      return live;
    }
    if (packet.opcode !== OPCODE.softResetV1) {
      return 'wrong-key-id';
    }
    if (packet.body.messageId !== 0) {
      return 'bad-message-id';
    }
    if (
      this.#next !== null ||
      this.#dataKeys === null ||
      !this.#handler.mayRenegotiate ||
      packet.keyId !== followingKeyId(this.#current.channel.keyId)
    ) {
      return 'unexpected-reset';
    }
    return this.#beginNext(now, this.#dataKeys);
  }

  #renegotiateWhenQuiet(now: Millis): void {
    if (this.#dataKeys === null || this.#next !== null) {
      return;
    }
    if (this.#current.channel.isFlushed && this.#handler.mayRenegotiate) {
      this.#beginNext(now, this.#dataKeys);
    } else {
      this.#dataKeys.renegotiateAt(now + QUIET_POLL);
    }
  }

  #beginNext(now: Millis, dataKeys: DataKeySchedule): Key<Phase> {
    dataKeys.beginNext(now);
    const keyId = followingKeyId(this.#current.channel.keyId);
    this.#next = this.#createKey(now, keyId, OPCODE.softResetV1);
    return this.#next;
  }

  #createKey(now: Millis, keyId: KeyId, reset: ControlOpcode | null): Key<Phase> {
    const channel = this.#createChannel(keyId, reset, { type: 'none' });
    return { channel, startedAt: now, phase: this.#handler.firstPhase() };
  }

  #createChannel(keyId: KeyId, reset: ControlOpcode | null, past: ChannelPast): KeyChannel {
    const { role, link, maxPacketSize, times, openTls } = this.#input;
    return new KeyChannel({
      keyId,
      openTls,
      past,
      tlsSpeaksFirst: role === 'client',
      reset,
      payloadRoom: link.payloadRoom(keyId, maxPacketSize),
      wrappedKeyLength: link.wrappedKeyLength,
      tlsTimeout: times.tlsTimeout,
    });
  }

  /** The current key id is silent as soon as the peer has answered on the next one. */
  #liveKeys(): readonly Key<Phase>[] {
    if (this.#next === null) {
      return [this.#current];
    }
    return this.#next.channel.peerStarted ? [this.#next] : [this.#next, this.#current];
  }

  #drainTls(now: Millis): void {
    for (const key of this.keys) {
      for (let event = key.channel.pollEvent(); event !== undefined; event = key.channel.pollEvent()) {
        this.#handler.handleTlsEvent(now, key, event);
      }
    }
  }

  #flush(now: Millis): void {
    const { link } = this;
    for (const { channel } of this.#liveKeys()) {
      for (let due = channel.pollPacket(now); due !== undefined; due = channel.pollPacket(now)) {
        const ackedSessionId = due.acks.length > 0 ? link.peerSessionId : null;
        const body = { acks: due.acks, ackedSessionId, messageId: due.messageId, payload: due.payload };
        this.#input.transmits.push({ path: link.path, bytes: link.seal(now, channel.keyId, due.opcode, body) });
      }
    }
  }
}

/** How soon to look again whether the peer has acked everything on the current key id. */
const QUIET_POLL: Millis = 1000;

/** 0 once, then 1..7 round and round. [wire 17] */
const followingKeyId = (keyId: KeyId): KeyId => asKeyId((keyId % 7) + 1);
