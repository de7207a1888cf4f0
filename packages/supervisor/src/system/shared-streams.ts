import { connect, type Socket } from 'node:net';
import type { Log } from '../log.js';
import { OnceAMinute } from '../once-a-minute.js';
import { joinStreams } from './join-streams.js';

export interface ShareTarget {
  readonly host: string;
  readonly port: number;
}

export interface ShareLimits {
  /** Joined connections at once; more are closed. */
  readonly most: number;
  /** Milliseconds for the other server to answer. */
  readonly connect: number;
  /** Milliseconds without a byte in either direction. */
  readonly idle: number;
}

export const SHARE_LIMITS: ShareLimits = { most: 1024, connect: 10_000, idle: 300_000 };

/** Connections that are joined with another server, in bounded number and for a bounded time (`port-share`). */
export class SharedStreams {
  readonly #log: Log;
  readonly #limits: ShareLimits;
  readonly #connect: (target: ShareTarget) => Socket;
  readonly #open = new Map<Socket, Socket>();
  readonly #faults = new OnceAMinute();

  constructor(log: Log, limits: ShareLimits = SHARE_LIMITS, connectTo = connectHalfOpen) {
    this.#log = log;
    this.#limits = limits;
    this.#connect = connectTo;
  }

  /** How many are joined. */
  get size(): number {
    return this.#open.size;
  }

  /** `bytes` is what `near` has said already. Both ends are closed when either fails, or `near` at once when there are too many. */
  join(near: Socket, bytes: Uint8Array, target: ShareTarget): void {
    const { most, idle } = this.#limits;
    if (this.size >= most) {
      near.destroy();
      this.#warn('limit', `${most} connections are joined already, more are closed`);
      return;
    }
    const far = this.#connect(target);
    this.#open.set(near, far);
    const ends = new Set([near, far]);
    const onClose = (end: unknown): void => {
      ends.delete(end as Socket);
      if (ends.size === 0) this.#open.delete(near);
    };
    joinStreams(near, far, { idle, onClose });
    this.#watchConnect(far, target);
    far.write(bytes);
  }

  close(): void {
    for (const ends of this.#open) for (const end of ends) end.destroy();
  }

  #watchConnect(far: Socket, { host, port }: ShareTarget): void {
    const { connect: limit, idle } = this.#limits;
    let connected = false;
    far.setTimeout(limit);
    far.once('connect', () => {
      connected = true;
      far.setTimeout(idle);
    });
    far.once('timeout', () => {
      if (!connected) this.#warn('slow', `${host}:${port} has not answered within ${limit / 1000} s`);
    });
    far.once('error', (error) => {
      if (connected) this.#log.debug(`port-share: ${error.message}`);
      else this.#warn('unreachable', `${error.message}; is the other server running?`);
    });
  }

  #warn(kind: string, text: string): void {
    if (this.#faults.maySay(kind)) this.#log.warn(`port-share: ${text}`);
  }
}

const connectHalfOpen = ({ host, port }: ShareTarget): Socket => connect({ host, port, allowHalfOpen: true });
