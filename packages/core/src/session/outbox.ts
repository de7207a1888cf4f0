import type { DataCommand } from '../data-plane.js';
import type { Path } from '../ids.js';

/** A datagram for the network. `bytes` belong to whoever polls it. */
export interface Transmit {
  readonly path: Path;
  readonly bytes: Uint8Array;
}

/** What waits to be polled. The three queues are drained in this order, so keys precede the packets that announce them. */
export class Outbox<Event> {
  readonly commands = new Fifo<DataCommand>();
  readonly transmits = new Fifo<Transmit>();
  readonly events = new Fifo<Event>();
}

/** First in, first out, without shifting an array for every element. */
export class Fifo<T> {
  #items: T[] = [];
  #head = 0;

  push(...items: readonly T[]): void {
    this.#items.push(...items);
  }

  poll(): T | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) {
      return undefined;
    }
    this.#head++;
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    }
    return item;
  }
}
