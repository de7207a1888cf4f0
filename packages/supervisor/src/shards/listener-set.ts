import { isSame, type ListenerPlan, planListeners } from '../config/plan-listeners.js';
import type { ListenerConfig, ServerConfig } from '../config/server-config.js';
import type { Log } from '../log.js';
import { listenerText, type OpenListener, openListener, type SocketConfig } from '../system/sockets.js';
import type { NativePort } from './native-port.js';

export interface ListenerSetPorts {
  readonly native: Pick<NativePort, 'openUdpGroup' | 'openTcpGroup' | 'openListener' | 'closeListener' | 'closeFds'>;
  readonly plane: number;
  readonly shards: number;
  readonly log: Log;
}

/** Listeners that are open and not yet read, until `apply` or `abandon`. */
export interface PreparedListeners {
  readonly plan: ListenerPlan;
  readonly opened: readonly OpenListener[];
  /** How long clients get to be heard by another listener, in milliseconds. */
  readonly grace: number;
}

/** A path has a byte for the number of its listener. */
const MOST_NUMBERS = 256;

/** A client of a closed listener is told for so long: the linger of its session, and a bit. */
const FAREWELL_MS = 5_500;

/**
 * The listeners of a running server. Their numbers are those of the data threads' sockets and of the clients' paths, so
 * a number is never dealt again.
 */
export class ListenerSet {
  readonly #ports: ListenerSetPorts;
  /** Index = number; null once nothing is left of it. */
  readonly #slots: (Slot | null)[];
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Who waits for the next listener to be closed. */
  #closed: (() => void)[] = [];

  /** Index = number; null for one that was closed before. */
  constructor(open: readonly (OpenListener | null)[], ports: ListenerSetPorts) {
    this.#ports = ports;
    this.#slots = open.map((listener) => listener && { ...listener, leaving: false });
  }

  /** The listeners for another process, where they keep their numbers: null in place of a closed one. See `settled`. */
  inOrder(): readonly (OpenListener | null)[] {
    if (this.#slots.some((slot) => slot?.leaving)) {
      throw new Error('clients of a listener that a reload has closed are still being told; try again in a minute');
    }
    return [...this.#slots];
  }

  /** Resolves once the clients of closed listeners have been told, or the set is closed. */
  async settled(): Promise<void> {
    while (this.#slots.some((slot) => slot?.leaving)) {
      await new Promise<void>((resolve) => this.#closed.push(resolve));
    }
  }

  get listening(): ListeningAt[] {
    return this.#open().map(({ listener: { host, transport }, group: { port } }) => ({
      host,
      port,
      ...(transport !== undefined && { proto: transport }),
    }));
  }

  /** Opens what is new, so that it can be said now what cannot be opened. Throws a one-line error; nothing has changed then. */
  prepare(config: Pick<ServerConfig, 'listeners' | SocketConfig | 'pingInterval' | 'user'>): PreparedListeners {
    const { native, shards, log } = this.#ports;
    // Their addresses may be wanted again.
    for (const [number, slot] of this.#slots.entries()) if (slot?.leaving) this.#close(number);
    const open = this.#open().map(({ listener }) => listener);
    const plan = planListeners(open, config.listeners);
    if (this.#slots.length + plan.added.length > MOST_NUMBERS)
      throw new Error('the listeners have changed too often since the start; restart the server');
    const opened: OpenListener[] = [];
    try {
      for (const { listener, beside } of plan.added) {
        const one = openListener(native, listener, { ...config, shards, beside }, log);
        if (one !== null) opened.push(one);
      }
    } catch (error) {
      native.closeFds(fdsOf(opened));
      throw error;
    }
    return { plan, opened, grace: graceOf(config.pingInterval) };
  }

  abandon({ opened }: PreparedListeners): void {
    this.#ports.native.closeFds(fdsOf(opened));
  }

  /**
   * Reads what was opened and closes what is not wanted. `leave` tells the workers that the clients of a listener have to go.
   * Returns what did not work.
   */
  apply({ plan, opened, grace }: PreparedListeners, leave: (number: number) => void): string[] {
    const problems = opened.flatMap((listener) => this.#add(listener));
    for (const { listener, succession } of plan.removed) {
      const number = this.#slots.findIndex((slot) => slot !== null && !slot.leaving && isSame(slot.listener, listener));
      const slot = this.#slots[number];
      if (slot == null) continue;
      slot.leaving = true;
      if (succession.type === 'kept') {
        this.#close(number);
        continue;
      }
      const heir = succession.type === 'covered' ? this.#find(succession.by) : undefined;
      if (heir !== undefined) problems.push(...this.#sendThrough(number, slot, heir));
      this.#leaveLater(number, succession.type === 'lost' ? 0 : grace, leave);
    }
    return problems;
  }

  /** The descriptors; the data threads have ended. */
  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#ports.native.closeFds(fdsOf(this.#slots.flatMap((slot) => slot ?? [])));
    this.#slots.length = 0;
    this.#tellClosed();
  }

  #add(listener: OpenListener): string[] {
    const { native, plane, log } = this.#ports;
    const number = this.#slots.length;
    this.#slots.push({ ...listener, leaving: false });
    log.info(`listens on ${listenerText(listener.listener)}`);
    return this.#onEveryShard(number, (shard) =>
      native.openListener(plane, shard, number, listener.group.fds[shard] as number),
    );
  }

  /** Its own sockets are closed, so that what comes for it comes to the heir. */
  #sendThrough(number: number, slot: Slot, heir: Slot): string[] {
    const { native, plane } = this.#ports;
    const problems = this.#onEveryShard(number, (shard) =>
      native.closeListener(plane, shard, number, heir.group.fds[shard] as number),
    );
    native.closeFds([...slot.group.fds]);
    slot.group = { ...slot.group, fds: [] };
    return problems;
  }

  #leaveLater(number: number, grace: number, leave: (number: number) => void): void {
    this.#later(grace, () => {
      leave(number);
      this.#later(FAREWELL_MS, () => this.#close(number));
    });
  }

  #close(number: number): void {
    const { native, plane, log } = this.#ports;
    const slot = this.#slots[number];
    if (slot == null) return;
    this.#slots[number] = null;
    const problems = this.#onEveryShard(number, (shard) => native.closeListener(plane, shard, number, null));
    native.closeFds([...slot.group.fds]);
    for (const problem of problems) log.error(problem);
    log.info(`listens no more on ${listenerText(slot.listener)}`);
    this.#tellClosed();
  }

  #tellClosed(): void {
    for (const resolve of this.#closed.splice(0)) resolve();
  }

  #onEveryShard(number: number, change: (shard: number) => void): string[] {
    const problems: string[] = [];
    for (let shard = 0; shard < this.#ports.shards; shard++) {
      try {
        change(shard);
      } catch (error) {
        problems.push(`listener ${number}, shard ${shard}: ${(error as Error).message}`);
      }
    }
    return problems;
  }

  #later(delay: number, work: () => void): void {
    if (delay === 0) {
      work();
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, delay);
    this.#timers.add(timer);
  }

  #find(wanted: ListenerConfig): Slot | undefined {
    return this.#open().find(({ listener }) => isSame(listener, wanted));
  }

  #open(): Slot[] {
    return this.#slots.filter((slot) => slot !== null).filter(({ leaving }) => !leaving);
  }
}

/** Where clients are taken; by UDP when nothing else is said. */
export interface ListeningAt {
  readonly host: string;
  readonly port: number;
  readonly proto?: 'tcp';
}

interface Slot extends OpenListener {
  group: OpenListener['group'];
  /** Not wanted any more; its clients are being told or are moving. */
  leaving: boolean;
}

const fdsOf = (listeners: readonly OpenListener[]): number[] => listeners.flatMap(({ group }) => group.fds);

/** A client is heard at least once in its ping interval. */
const graceOf = (pingInterval: number): number => (pingInterval === 0 ? 30_000 : 2_000 * pingInterval + 1_000);
