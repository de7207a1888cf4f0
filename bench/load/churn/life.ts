import type { ChurnOptions } from './churn-options.js';
import type { FlowEnd } from './flow-record.js';
import type { Random } from './random.js';

/** What the life of a client does to the world. */
export interface LifePorts {
  connect(client: number): void;
  remove(client: number, goodbye: boolean): void;
  /** Another socket; null = the address that the route has. */
  changeSocket(client: number, host: string | null): void;
  stopFlows(client: number): void;
  closeFlows(client: number, end: FlowEnd): void;
  after(milliseconds: number, work: () => void): void;
  note(what: LifeEvent): void;
}

/** What is counted of a client's life. */
export type LifeEvent = 'connects' | 'floats' | 'exits' | 'kills' | 'restarts' | 'handshakes-failed' | 'sessions-lost';

/** For answers that are on their way; far more than a round trip. */
export const DRAIN_MS = 2500;
const RETRY_MS = 500;
/** A program that was killed and started again at once. */
const RESTART_MS = 1000;

/**
 * One client's life by chance: it connects, moves between sockets, and goes: with a goodbye (`exits`), without a word
 * (`kills`), or to come back at once to the same port (`restarts`). Which number of its chances it draws next depends on its
 * own history alone, so a seed repeats every client's life, whatever the others do.
 */
export class Life {
  readonly #client: number;
  readonly #options: Pick<ChurnOptions, 'stay' | 'away' | 'float' | 'hosts'>;
  readonly #random: Random;
  readonly #ports: LifePorts;
  /** Counts what the client was; a timer of an earlier state does nothing. */
  #state = 0;
  #isOver = false;
  isConnected = false;
  isConnecting = false;

  constructor(
    client: number,
    options: Pick<ChurnOptions, 'stay' | 'away' | 'float' | 'hosts'>,
    random: Random,
    ports: LifePorts,
  ) {
    this.#client = client;
    this.#options = options;
    this.#random = random;
    this.#ports = ports;
  }

  begin(): void {
    this.#enter();
    this.isConnecting = true;
    this.#ports.connect(this.#client);
  }

  /** Nothing happens by chance any more; a handshake that is under way goes on. */
  settle(): void {
    this.#isOver = true;
  }

  handleConnected(): void {
    this.#ports.note('connects');
    this.#enter();
    this.isConnecting = false;
    this.isConnected = true;
    const { stay } = this.#options;
    this.#soon(1000 * (1 + this.#random.wait(stay)), () => this.#go());
    this.#floatSoon();
  }

  handleEnded(wasConnected: boolean): void {
    this.#ports.note(wasConnected ? 'sessions-lost' : 'handshakes-failed');
    if (wasConnected) this.#ports.closeFlows(this.#client, 'lost');
    this.#enter();
    this.isConnecting = false;
    this.isConnected = false;
    this.#soon(RETRY_MS, () => this.begin());
  }

  #floatSoon(): void {
    const { hosts, float } = this.#options;
    this.#soon(1000 * this.#random.wait(float), () => {
      this.#ports.note('floats');
      this.#ports.changeSocket(this.#client, hosts.length > 0 ? this.#random.pick(hosts) : null);
      this.#floatSoon();
    });
  }

  #go(): void {
    const how = this.#random.pick(['exits', 'exits', 'kills', 'kills', 'restarts'] as const);
    const away =
      how === 'restarts' ? this.#random.between(1, RESTART_MS) : 1000 * this.#random.wait(this.#options.away);
    const keepsSocket = how === 'restarts' || this.#random.next() < 0.5;
    this.#ports.note(how);
    this.#enter();
    if (how === 'exits') {
      const state = this.#state;
      this.#ports.stopFlows(this.#client);
      this.#ports.after(DRAIN_MS, () => {
        if (state === this.#state) this.#leave('drained', away, keepsSocket);
      });
    } else this.#leave('cut', away, keepsSocket);
  }

  #leave(end: FlowEnd, away: number, keepsSocket: boolean): void {
    this.isConnected = false;
    this.#ports.closeFlows(this.#client, end);
    this.#ports.remove(this.#client, end === 'drained');
    // The host of a closed socket tells the server so, with ICMP; one that has lost its power does not.
    if (!keepsSocket) this.#ports.changeSocket(this.#client, null);
    this.#soon(away, () => this.begin());
  }

  #enter(): void {
    this.#state++;
  }

  #soon(milliseconds: number, work: () => void): void {
    const state = this.#state;
    this.#ports.after(milliseconds, () => {
      if (state === this.#state && !this.#isOver) work();
    });
  }
}
