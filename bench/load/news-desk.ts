import type { FleetEvent } from './fleet.js';
import type { Starter } from './starter.js';
import type { ConnectedClient, FromThread } from './thread-messages.js';

/** Collects what happens to a thread's clients into news for the main thread. */
export class NewsDesk {
  readonly #load: number;
  readonly #starter: Starter;
  #connected: ConnectedClient[] = [];
  #failed: string[] = [];
  #lost: string[] = [];

  constructor(load: number, starter: Starter) {
    this.#load = load;
    this.#starter = starter;
  }

  handleEvent(event: FleetEvent): void {
    if (event.type === 'connected') {
      const { peerId, ipv4, after } = event;
      this.#connected.push({ load: this.#load, peerId, ipv4, milliseconds: after, at: wallClock() });
      this.#starter.settle();
    } else if (event.type === 'renegotiated') {
      return;
    } else if (event.wasConnected) {
      this.#lost.push(event.reason);
    } else {
      this.#failed.push(event.reason);
      this.#starter.settle();
    }
  }

  /** What has happened since the last call. */
  news(): FromThread {
    const news: FromThread = {
      type: 'news',
      started: this.#starter.started,
      connected: this.#connected,
      failed: this.#failed,
      lost: this.#lost,
    };
    this.#connected = [];
    this.#failed = [];
    this.#lost = [];
    return news;
  }
}

/** Fine-grained, and the same on every thread. */
const wallClock = (): number => performance.timeOrigin + performance.now();
