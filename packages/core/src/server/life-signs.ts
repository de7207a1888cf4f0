import type { DataCommand } from '../data-plane.js';
import type { Millis, PeerId } from '../ids.js';
import type { Fifo } from '../session/outbox.js';

/** Tells the data thread that a client has been heard on its control channel. At most one order a second: it counts in seconds. */
export class LifeSigns {
  readonly #commands: Fifo<DataCommand>;
  #notedAt = Number.NEGATIVE_INFINITY;

  constructor(commands: Fifo<DataCommand>) {
    this.#commands = commands;
  }

  /** `peerId`: null for a client that is not connected. */
  note(now: Millis, peerId: PeerId | null): void {
    if (peerId === null || now < this.#notedAt + PERIOD) return;
    this.#notedAt = now;
    this.#commands.push({ type: 'touch-peer', peerId });
  }
}

const PERIOD: Millis = 1000;
