import { VpnError } from '../errors.js';
import type { Millis } from '../ids.js';
import type { ControlOpcode } from '../wire/opcode.js';

/** Ids between the oldest packet that is not acked and the next one: what every known receiver can hold. [wire 10] */
export const SEND_WINDOW_SIZE = 6;

/** A reliable packet without its acks, which are chosen anew for every transmission. */
export interface OutgoingPacket {
  readonly opcode: ControlOpcode;
  readonly messageId: number;
  readonly payload: Uint8Array;
}

/** What another window needs to go on: everything that is not acked is due again. */
export interface SendState {
  readonly nextId: number;
  readonly unacked: readonly OutgoingPacket[];
}

/** Sent and not yet acked packets of one key id. Retransmits for ever: the hand-window is the session's. [wire 10] */
export class SendWindow {
  readonly #firstTimeout: Millis;
  #nextId: number;
  #unacked: Outstanding[] = [];

  /** `firstTimeout`: until the first retransmission (`tls-timeout`). `nextId`: 1 behind a stateless reset. [wire 7] */
  constructor(firstTimeout: Millis, nextId = 0) {
    this.#firstTimeout = firstTimeout;
    this.#nextId = nextId;
  }

  static restore(firstTimeout: Millis, { nextId, unacked }: SendState): SendWindow {
    const window = new SendWindow(firstTimeout, nextId);
    window.#unacked = unacked.map((packet) => ({ packet, due: 0, timeout: firstTimeout, higherAcks: 0 }));
    return window;
  }

  get state(): SendState {
    return { nextId: this.#nextId, unacked: this.#unacked.map(({ packet }) => packet) };
  }

  get hasRoom(): boolean {
    const oldest = this.#unacked[0];
    return oldest === undefined || this.#nextId - oldest.packet.messageId < SEND_WINDOW_SIZE;
  }

  /** Everything enqueued has been acked. */
  get isEmpty(): boolean {
    return this.#unacked.length === 0;
  }

  /** Takes over `payload`. Throws when there is no room. */
  enqueue(opcode: ControlOpcode, payload: Uint8Array): void {
    if (!this.hasRoom) {
      throw new VpnError('api-misuse/send-window', 'no room for another control packet');
    }
    const packet = { opcode, messageId: this.#nextId++, payload };
    this.#unacked.push({ packet, due: 0, timeout: this.#firstTimeout, higherAcks: 0 });
  }

  /** Ids that are not outstanding are ignored: peers repeat old acks. [wire 21] */
  handleAcks(ids: readonly number[]): void {
    for (const id of ids) {
      this.#handleAck(id);
    }
  }

  /** The next packet to transmit now, oldest first; undefined when none is due. Counts as sent. */
  pollPacket(now: Millis): OutgoingPacket | undefined {
    const entry = this.#unacked.find((candidate) => dueAt(candidate) <= now);
    if (entry === undefined) {
      return undefined;
    }
    const early = now < entry.due;
    entry.due = now + entry.timeout;
    entry.higherAcks = 0;
    if (!early) {
      entry.timeout *= 2;
    }
    return entry.packet;
  }

  /** When `pollPacket` has something next; 0 for at once, undefined for never. */
  get nextDeadline(): Millis | undefined {
    return this.isEmpty ? undefined : Math.min(...this.#unacked.map(dueAt));
  }

  #handleAck(id: number): void {
    const index = this.#unacked.findIndex((entry) => entry.packet.messageId === id);
    if (index < 0) {
      return;
    }
    this.#unacked.splice(index, 1);
    for (const older of this.#unacked.slice(0, index)) {
      older.higherAcks++;
    }
  }
}

/** Acks of higher ids after which a packet is taken for lost. [wire 10] */
const HIGHER_ACKS_OF_LOSS = 3;

interface Outstanding {
  readonly packet: OutgoingPacket;
  due: Millis;
  /** Until the transmission after the next. */
  timeout: Millis;
  higherAcks: number;
}

const dueAt = (entry: Outstanding): Millis => (entry.higherAcks >= HIGHER_ACKS_OF_LOSS ? 0 : entry.due);
