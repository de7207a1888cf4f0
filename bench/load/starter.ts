import type { Pace } from './thread-messages.js';

/** Decides which clients start when. */
export class Starter {
  readonly #pace: Pace;
  readonly #clients: number;
  readonly #now: () => number;
  #begunAt = 0;
  #started = 0;
  #settled = 0;

  /** `now` in milliseconds. */
  constructor(pace: Pace, clients: number, now: () => number) {
    this.#pace = pace;
    this.#clients = clients;
    this.#now = now;
  }

  get started(): number {
    return this.#started;
  }

  begin(): void {
    this.#begunAt = this.#now();
  }

  /** A client that was started has connected or failed. */
  settle(): void {
    this.#settled++;
  }

  /** Numbers of the clients to be started now. */
  takeDue(): number[] {
    const until = Math.min(this.#clients, this.#due());
    const first = this.#started;
    this.#started = Math.max(first, until);
    return Array.from({ length: this.#started - first }, (_, n) => first + n);
  }

  #due(): number {
    if (this.#pace.type === 'width') return this.#settled + this.#pace.handshakes;
    return 1 + Math.floor(((this.#now() - this.#begunAt) * this.#pace.perSecond) / 1000);
  }
}
