import { type Path, pathKey } from '@shardvpn/core';
import type { EventLoop } from './event-loop.js';
import type { SeededRandom } from './seeded-random.js';

export interface NetworkConditions {
  /** Part of the datagrams that vanish, per direction. */
  readonly loss: number;
  readonly duplicate: number;
  /** One byte of them is another. */
  readonly corrupt?: number;
  /** An earlier datagram of the same direction comes once more. */
  readonly replay?: number;
  /** Milliseconds, one way; a wide range reorders. */
  readonly latency: readonly [number, number];
  /** Larger datagrams vanish. Bytes with IPv4 and UDP headers. */
  readonly mtu: number;
}

export const PERFECT: NetworkConditions = { loss: 0, duplicate: 0, latency: [10, 10], mtu: 1500 };

export interface Datagram {
  readonly path: Path;
  readonly bytes: Uint8Array;
}

type Receiver = (path: Path, bytes: Uint8Array) => void;

/** A network with one server and clients behind NATs, whose public addresses can change. */
export class Network {
  conditions: NetworkConditions;
  /** Everything clients have sent, as it arrived at the server's door, for replays. */
  readonly capture: Datagram[] = [];
  readonly #loop: EventLoop;
  readonly #random: SeededRandom;
  readonly #clients = new Map<string, Receiver>();
  readonly #carried: Record<'up' | 'down', Uint8Array[]> = { up: [], down: [] };
  #server: Receiver = () => undefined;
  /** Decides about datagrams before the conditions do; false drops. */
  filter: (direction: 'up' | 'down', datagram: Datagram) => boolean = () => true;

  constructor(loop: EventLoop, random: SeededRandom, conditions: NetworkConditions) {
    this.#loop = loop;
    this.#random = random;
    this.conditions = conditions;
  }

  attachServer(receiver: Receiver): void {
    this.#server = receiver;
  }

  attachClient(path: Path, receiver: Receiver): void {
    this.#clients.set(pathKey(path), receiver);
  }

  detachClient(path: Path): void {
    this.#clients.delete(pathKey(path));
  }

  toServer(path: Path, bytes: Uint8Array): void {
    this.capture.push({ path, bytes: bytes.slice() });
    this.#carry('up', { path, bytes }, () => this.#server);
  }

  toClient(path: Path, bytes: Uint8Array): void {
    this.#carry('down', { path, bytes }, () => this.#clients.get(pathKey(path)));
  }

  #carry(direction: 'up' | 'down', datagram: Datagram, receiver: () => Receiver | undefined): void {
    const { loss, duplicate, latency, mtu } = this.conditions;
    if (!this.filter(direction, datagram) || datagram.bytes.length + 28 > mtu) {
      return;
    }
    this.#replay(direction, datagram, receiver);
    const copies = this.#random.chance(duplicate) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const delay = this.#random.integer(latency[0], latency[1]);
      if (!this.#random.chance(loss)) {
        // Copied, and overwritten afterwards: whoever keeps a view finds garbage.
        const bytes = datagram.bytes.slice();
        this.#corrupt(bytes);
        this.#loop.after(delay, () => {
          receiver()?.(datagram.path, bytes);
          bytes.fill(0xee);
        });
      }
    }
  }

  #corrupt(bytes: Uint8Array): void {
    const { corrupt = 0 } = this.conditions;
    if (corrupt > 0 && bytes.length > 0 && this.#random.chance(corrupt)) {
      const at = this.#random.integer(0, bytes.length - 1);
      bytes[at] = (bytes[at] as number) ^ this.#random.integer(1, 255);
    }
  }

  #replay(direction: 'up' | 'down', { path, bytes }: Datagram, receiver: () => Receiver | undefined): void {
    const { replay = 0 } = this.conditions;
    if (replay === 0) {
      return;
    }
    const earlier = this.#carried[direction];
    earlier.push(bytes.slice());
    if (this.#random.chance(replay)) {
      const again = this.#random.pick(earlier).slice();
      this.#loop.after(this.#random.integer(1, 2000), () => receiver()?.(path, again));
    }
  }
}
