import type { ControlOpcode } from '../wire/opcode.js';

/** Packets held while an earlier one is missing. [wire 10] */
export const RECEIVE_WINDOW_SIZE = 12;

export interface IncomingPacket {
  readonly opcode: ControlOpcode;
  readonly payload: Uint8Array;
}

/** What another window needs to go on. */
export interface ReceiveState {
  readonly nextId: number;
  readonly held: readonly (IncomingPacket & { readonly messageId: number })[];
}

/** Puts the reliable packets of one key id back in order. [wire 10] */
export class ReceiveWindow {
  #nextId: number;
  readonly #held = new Map<number, IncomingPacket>();

  /** `nextId`: 1 behind a stateless reset. [wire 7] */
  constructor(nextId = 0) {
    this.#nextId = nextId;
  }

  static restore({ nextId, held }: ReceiveState): ReceiveWindow {
    const window = new ReceiveWindow(nextId);
    for (const { messageId, ...packet } of held) window.#held.set(messageId, packet);
    return window;
  }

  get state(): ReceiveState {
    return { nextId: this.#nextId, held: [...this.#held].map(([messageId, packet]) => ({ messageId, ...packet })) };
  }

  /**
   * Copies `payload` when the packet is new. New and duplicate packets are to be acked, those `outside` are not.
   */
  handlePacket(messageId: number, opcode: ControlOpcode, payload: Uint8Array): 'new' | 'duplicate' | 'outside' {
    if (messageId >= this.#nextId + RECEIVE_WINDOW_SIZE) {
      return 'outside';
    }
    if (messageId < this.#nextId || this.#held.has(messageId)) {
      return 'duplicate';
    }
    this.#held.set(messageId, { opcode, payload: payload.slice() });
    return 'new';
  }

  /** The next packet in order, once. */
  pollPacket(): IncomingPacket | undefined {
    const packet = this.#held.get(this.#nextId);
    if (packet !== undefined) {
      this.#held.delete(this.#nextId);
      this.#nextId++;
    }
    return packet;
  }
}
