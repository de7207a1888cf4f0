import type { DropReason } from '../drop-reason.js';
import type { KeyId, Millis } from '../ids.js';
import type { KeptTls, TlsEvent, TlsSession } from '../ports.js';
import { ACKS_PER_ACK, ACKS_PER_PACKET, AckQueue } from '../reliable/acks.js';
import { type ReceiveState, ReceiveWindow } from '../reliable/receive-window.js';
import { type SendState, SendWindow } from '../reliable/send-window.js';
import { type ControlOpcode, OPCODE } from '../wire/opcode.js';
import { ByteQueue } from './byte-queue.js';
import type { ControlPacket } from './control-link.js';
import { type Deadline, deadline } from './deadline.js';

/** A packet that is due, still without the ids and the protection of the link. */
export interface DuePacket {
  readonly opcode: ControlOpcode;
  readonly acks: readonly number[];
  readonly messageId: number | null;
  readonly payload: Uint8Array;
}

/** Where a channel is in its exchange of packets, its TLS session apart. */
export interface ChannelState {
  readonly send: SendState;
  readonly receive: ReceiveState;
  /** TLS bytes that are in no packet yet. */
  readonly output: Uint8Array;
  /** Messages behind our key-method message, which the peer has to have first; null when it has. */
  readonly held: readonly Uint8Array[] | null;
}

/** What has become of a key id under another program. */
export type ChannelPast =
  | { readonly type: 'none' }
  /** Its TLS session is gone: packets of this key id mean nothing. */
  | { readonly type: 'lost' }
  /** `tls`: null where that has not begun. */
  | { readonly type: 'kept'; readonly state: ChannelState; readonly tls: TlsSession | null };

export interface KeyChannelInput {
  readonly keyId: KeyId;
  readonly openTls: () => TlsSession;
  readonly past: ChannelPast;
  /** Whether TLS speaks first, that is in the client's role. */
  readonly tlsSpeaksFirst: boolean;
  /** Our reset; null when both resets went by before there was any state. [wire 7] */
  readonly reset: ControlOpcode | null;
  /** TLS bytes per packet. */
  readonly payloadRoom: number;
  /** Bytes of the client's key, which our first message may have to carry; 0 without tls-crypt-v2. [wire 7.1] */
  readonly wrappedKeyLength: number;
  /** Until the first retransmission. */
  readonly tlsTimeout: Millis;
}

/** TLS events that are not about bytes for the peer. */
export type KeyChannelEvent = Exclude<TlsEvent, { readonly type: 'ciphertext' }>;

/** One key id: a reliable byte stream in numbered packets, and the TLS session inside it. [wire 2, 10] */
export class KeyChannel {
  readonly keyId: KeyId;
  readonly #input: KeyChannelInput;
  readonly #send: SendWindow;
  readonly #receive: ReceiveWindow;
  readonly #retransmission: string;
  readonly #acks = new AckQueue();
  readonly #output = new ByteQueue();
  #tls: TlsSession | undefined;
  #peerStarted: boolean;
  /** See `ChannelState`. */
  #held: Uint8Array[] | null = null;
  /** TLS has been given plaintext and has not come up with bytes yet. */
  #sealing = false;
  /** TLS gets nothing of the peer any more. */
  #deaf = false;
  /** The peer wants our key with the first message: it understands no other packet before that. [wire 7.1] */
  #keyDue = false;

  constructor(input: KeyChannelInput) {
    const { past, reset, tlsTimeout } = input;
    const firstId = reset === null ? 1 : 0;
    this.keyId = input.keyId;
    this.#retransmission = `retransmit, key ${input.keyId}`;
    this.#input = input;
    if (past.type === 'kept') {
      this.#send = SendWindow.restore(tlsTimeout, past.state.send);
      this.#receive = ReceiveWindow.restore(past.state.receive);
      this.#output.push(past.state.output);
      this.#peerStarted = past.state.receive.nextId > 0 || past.tls !== null;
      this.#tls = past.tls ?? undefined;
      this.#held = past.state.held === null ? null : [...past.state.held];
      return;
    }
    this.#send = new SendWindow(tlsTimeout, firstId);
    this.#peerStarted = reset === null;
    this.#receive = new ReceiveWindow(firstId);
    if (reset !== null) {
      this.#send.enqueue(reset, new Uint8Array(0));
    }
  }

  get isLost(): boolean {
    return this.#input.past.type === 'lost';
  }

  /** For somebody who goes on, together with `keptTls`. */
  get state(): ChannelState {
    const { state: send } = this.#send;
    return { send, receive: this.#receive.state, output: this.#output.bytes, held: this.#held };
  }

  /** TLS bytes that are in no packet yet. */
  get backlog(): number {
    return this.#output.length;
  }

  /** The TLS session for somebody who goes on; undefined before it has begun, null where nobody can. */
  get keptTls(): KeptTls | null | undefined {
    return this.#tls === undefined ? undefined : (this.#tls.kept ?? null);
  }

  /** The peer has begun with this key id: it speaks on no other one. */
  get peerStarted(): boolean {
    return this.#peerStarted;
  }

  /** Everything that was sent has been acked. */
  get isFlushed(): boolean {
    return this.#isAcked && (this.#held === null || this.#held.length === 0);
  }

  get #isAcked(): boolean {
    return !this.#sealing && this.#output.length === 0 && this.#send.isEmpty;
  }

  get nextDeadline(): Deadline | undefined {
    return deadline(this.#send.nextDeadline, this.#retransmission);
  }

  /** Acks, order and TLS bytes; null when the packet counts. */
  handlePacket(packet: ControlPacket): DropReason | null {
    const { acks, messageId, payload } = packet.body;
    if (isReset(packet.opcode) && messageId !== 0) {
      return 'bad-message-id';
    }
    this.#send.handleAcks(acks);
    if (this.#isSoft && this.#send.isEmpty) this.#handleStart();
    if (this.#isAcked) this.#release();
    if (messageId === null) {
      return null;
    }
    if (this.#receive.handlePacket(messageId, packet.opcode, payload) === 'outside') {
      return 'outside-window';
    }
    this.#acks.enqueue(messageId);
    for (let next = this.#receive.pollPacket(); next !== undefined; next = this.#receive.pollPacket()) {
      this.#handleInOrder(next.opcode, next.payload);
    }
    return null;
  }

  /** The first message is to carry the client's key. */
  resendKey(): void {
    this.#keyDue = true;
  }

  /** Our key-method message. */
  sendKeyMethod(plaintext: Uint8Array): void {
    this.sendAtOnce(plaintext);
    this.#held ??= [];
  }

  /** One TLS record. compat(openvpn 3.11.7): it loses messages that come together with a key-method message, so they wait for its ack. */
  send(plaintext: Uint8Array): void {
    if (this.#held === null) this.sendAtOnce(plaintext);
    else this.#held.push(plaintext);
  }

  /** One TLS record that does not wait. */
  sendAtOnce(plaintext: Uint8Array): void {
    this.#sealing = true;
    this.#openTls().send(plaintext);
  }

  exporter(): TlsSession {
    return this.#openTls();
  }

  pollEvent(): KeyChannelEvent | undefined {
    for (let event = this.#tls?.poll(); event !== undefined; event = this.#tls?.poll()) {
      if (event.type !== 'ciphertext') {
        return event;
      }
      this.#sealing = false;
      this.#output.push(event.bytes);
      if (this.#output.length > MAX_OUTPUT && !this.#deaf) {
        this.#deaf = true;
        return { type: 'failed', reason: 'the peer makes TLS talk and acknowledges nothing' };
      }
    }
    return undefined;
  }

  /** New packets as far as the window allows, retransmissions, and a bare ack for what no other packet acks. */
  pollPacket(now: Millis): DuePacket | undefined {
    while (this.#output.length > 0 && this.#peerStarted && this.#send.hasRoom) {
      const { payloadRoom, wrappedKeyLength } = this.#input;
      const room = this.#keyDue ? Math.max(payloadRoom - wrappedKeyLength, 1) : payloadRoom;
      this.#send.enqueue(this.#keyDue ? OPCODE.controlWkcV1 : OPCODE.controlV1, this.#output.take(room));
      this.#keyDue = false;
    }
    const due = this.#send.pollPacket(now);
    if (due !== undefined) {
      return { ...due, acks: this.#acks.take(ACKS_PER_PACKET) };
    }
    if (!this.#acks.hasPending || this.#keyDue) {
      return undefined;
    }
    return { opcode: OPCODE.ackV1, acks: this.#acks.take(ACKS_PER_ACK), messageId: null, payload: new Uint8Array(0) };
  }

  destroy(): void {
    this.#tls?.destroy();
    this.#tls = undefined;
    this.#deaf = true;
  }

  #handleInOrder(opcode: ControlOpcode, payload: Uint8Array): void {
    if (isReset(opcode) || this.#isSoft) this.#handleStart();
    if (!isReset(opcode) && payload.length > 0 && this.#peerStarted && !this.#deaf) this.#openTls().feed(payload);
  }

  /** OpenVPN 3 does not answer a soft reset by one of its own: taking it is enough. [wire 17] */
  get #isSoft(): boolean {
    return this.keyId !== 0;
  }

  #release(): void {
    const held = this.#held;
    this.#held = null;
    for (const plaintext of held ?? []) this.sendAtOnce(plaintext);
  }

  #handleStart(): void {
    if (this.#peerStarted) return;
    this.#peerStarted = true;
    if (this.#input.tlsSpeaksFirst) this.#openTls();
  }

  /** Late, so that an echoed cookie alone costs no TLS session. */
  #openTls(): TlsSession {
    this.#tls ??= this.#input.openTls();
    return this.#tls;
  }
}

const isReset = (opcode: ControlOpcode): boolean => opcode !== OPCODE.controlV1 && opcode !== OPCODE.ackV1;

/**
 * Bytes of TLS that wait for acks. A chain of certificates or a long PUSH_REPLY takes a tenth of it. A peer can have TLS answer record by
 * record, with key updates.
 */
const MAX_OUTPUT = 1 << 20;
