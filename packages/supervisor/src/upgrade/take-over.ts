import { z } from 'zod';
import type { ServerConfig } from '../config/server-config.js';
import type { Log } from '../log.js';
import type { Registry } from '../registry/registry.js';
import { REGISTRY_STATE } from '../registry/registry-state.js';
import type { NativePort } from '../shards/native-port.js';
import type { OpenListener } from '../system/sockets.js';
import { VERSION } from '../version.js';
import { ChannelClosed, HandOverChannel } from './hand-over-channel.js';
import { HAND_OVER_FORMAT, OFFER, type Offer } from './hand-over-message.js';
import { changedSettings } from './lasting-settings.js';

/** What an earlier process has opened, as if this one had. */
export interface Inheritance {
  readonly shards: number;
  /** Index = listener; null for one that a reload has closed. */
  readonly sockets: readonly (OpenListener | null)[];
  readonly tun: { readonly name: string; readonly fds: number[]; readonly offloads: string[] } | null;
  /** Maps and program; empty without steering. */
  readonly steering: readonly number[];
  readonly cookieKey: Uint8Array;
  readonly since: number;
}

export interface Completion {
  readonly plane: number;
  readonly registry: Pick<Registry, 'takeOver'>;
  /** The clients are this process's. */
  readonly finished: () => Promise<void>;
  /** Opens the status endpoint; its address. */
  readonly admin: () => Promise<string | null>;
  readonly log: Log;
}

type TakeOverNative = Pick<NativePort, 'sendHandOver' | 'receiveHandOver' | 'takeSessions' | 'closeFds'>;

const LIMITS_MS = { offer: 30_000, state: 30_000, sessions: 10_000, leave: 10_000 };

/** The new process's side of an upgrade: hello, the offer, prepared, the state, the sessions, started. */
export class TakeOver {
  readonly #native: TakeOverNative;
  readonly #channel: HandOverChannel;
  #fds: number[] = [];
  #pending = true;

  constructor(native: TakeOverNative, fd: number) {
    this.#native = native;
    this.#channel = new HandOverChannel(native, fd);
  }

  /** Says that this process is there, and takes what the other has open. Throws where the configuration does not fit. */
  async inherit(config: ServerConfig): Promise<Inheritance> {
    this.#channel.send({ type: 'hello', format: HAND_OVER_FORMAT, version: VERSION });
    const { message: offer, fds } = await this.#channel.receive(OFFER, LIMITS_MS.offer);
    this.#fds = fds;
    refuseChanges(config, offer);
    return share(offer, fds);
  }

  /** Takes clients, leases and sessions over, and starts the data threads. Resolves to the number of sessions. */
  async #finish(plane: number, registry: Pick<Registry, 'takeOver'>): Promise<number> {
    const channel = this.#channel;
    channel.send({ type: 'prepared' });
    const { message: state } = await channel.receive(STATE, LIMITS_MS.state);
    registry.takeOver(state.registry);
    const sessions = this.#native.takeSessions(plane, channel.fd, LIMITS_MS.sessions);
    channel.send({ type: 'started', sessions });
    return sessions;
  }

  /** Whether the other process still serves the clients. */
  get isPending(): boolean {
    return this.#pending;
  }

  /**
   * Everything is set up: takes the clients over, calls `finished`, waits until the other process has left its port, and
   * opens it here. From the first of these on nothing is an error that ends this process: it is the server.
   */
  async complete({ plane, registry, finished, admin, log }: Completion): Promise<string | null> {
    const sessions = await this.#finish(plane, registry);
    this.#pending = false;
    const attempt = <T>(what: string, step: () => Promise<T>): Promise<T | null> =>
      step().catch((error: Error) => {
        log.error(`${what}: ${error.message}`);
        return null;
      });
    await attempt('after the upgrade', finished);
    await attempt('upgrade', () => this.#othersEnd());
    log.info('clients taken over', { clients: sessions });
    return attempt('status endpoint', () => persist(admin));
  }

  /** Resolves when the other process has closed its end, or is gone. */
  async #othersEnd(): Promise<void> {
    await this.#channel.receive(z.never(), LIMITS_MS.leave).catch((error: Error) => {
      if (!(error instanceof ChannelClosed)) throw error;
    });
    this.#channel.close();
  }

  /** Tells the other process that it has to go on, and why. */
  refuse(reason: string): void {
    try {
      this.#channel.send({ type: 'refused', reason });
    } catch {
      // It is gone, or has ended this attempt already.
    }
    this.#channel.close();
    this.#native.closeFds(this.#fds);
  }
}

/** Tries again while the other process still has the port. */
const persist = async <T>(open: () => Promise<T>): Promise<T> => {
  for (let left = PORT_ATTEMPTS; left > 1; left--) {
    try {
      return await open();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, PORT_PAUSE_MS));
    }
  }
  return open();
};

const PORT_ATTEMPTS = 100;
const PORT_PAUSE_MS = 50;

const STATE = z.strictObject({ type: z.literal('state'), registry: REGISTRY_STATE });

const refuseChanges = (config: ServerConfig, offer: Offer): void => {
  const changed = changedSettings(config, offer.settings);
  if (config.workers !== null && config.workers !== offer.shards) changed.push('workers');
  if (changed.length > 0) throw new Error(`${changed.join(', ')} cannot change with an upgrade; restart instead`);
};

const share = (offer: Offer, fds: readonly number[]): Inheritance => {
  const { shards, listeners, device, steering } = offer;
  const queues = device === null ? 0 : shards;
  const sets = listeners.filter((listener) => listener !== null).length;
  if (fds.length !== shards * sets + queues + steering) {
    throw new Error(`${fds.length} descriptors have come, not those that were announced`);
  }
  const rest = [...fds];
  const sockets = listeners.map((listener) => listener && shareListener(listener, rest.splice(0, shards)));
  const tun = device === null ? null : { ...device, fds: rest.splice(0, shards) };
  const cookieKey = new Uint8Array(Buffer.from(offer.cookieKey, 'hex'));
  return { shards, sockets, tun, steering: rest.splice(0, steering), cookieKey, since: offer.since };
};

const shareListener = (
  { host, port, family, optional, transport, ...group }: NonNullable<Offer['listeners'][number]>,
  fds: number[],
): OpenListener => ({
  listener: { ...(transport !== undefined && { transport }), host, port, family, optional },
  group: { ...group, port, fds },
});
