import { type LiveOptions, type PeerId, type PushUpdate, VpnError } from '@shardvpn/core';
import type { ShardStart, TlsOptions, ToShard } from '@shardvpn/worker';
import type { Log } from '../log.js';
import {
  type ControlStatistics,
  type EndOfWorker,
  ShardHandle,
  type StartWorker,
  type WorldMessage,
  within,
} from './shard-handle.js';

export interface ShardGroupPorts {
  readonly startWorker: StartWorker;
  readonly onClient: (shard: number, message: WorldMessage) => void;
  readonly log: Log;
}

/** Milliseconds. */
export interface ShardGroupLimits {
  readonly ready: number;
  readonly statistics: number;
  readonly reconfigure: number;
  readonly heartbeatCheck: number;
  /** A worker whose heartbeat stands still that long is replaced; one that is not ready yet has the time of `ready`. */
  readonly hang: number;
  /** For a worker to finish what it is doing. */
  readonly release: number;
  readonly firstBackOff: number;
  readonly longestBackOff: number;
  /** A worker that lived that long starts the back-off anew. */
  readonly forgiveAfter: number;
}

export const SHARD_GROUP_LIMITS: ShardGroupLimits = {
  ready: 30_000,
  statistics: 1_000,
  reconfigure: 5_000,
  heartbeatCheck: 500,
  hang: 8_000,
  release: 1_000,
  firstBackOff: 100,
  longestBackOff: 10_000,
  forgiveAfter: 60_000,
};

/** The workers of a server, one a shard: starts them, and replaces one that ends or hangs. */
export class ShardGroup {
  #starts: readonly ShardStart[];
  readonly #ports: ShardGroupPorts;
  readonly #limits: ShardGroupLimits;
  readonly #slots: Slot[];
  readonly #timers = new Set<NodeJS.Timeout>();
  #heartbeats: NodeJS.Timeout | undefined;
  #crl: ToShard | null = null;
  #stopping = false;
  #waits: boolean;

  /** `waits`: the workers get everything ready and wait for `begin`. */
  constructor(starts: readonly ShardStart[], ports: ShardGroupPorts, limits = SHARD_GROUP_LIMITS, waits = false) {
    this.#starts = starts;
    this.#waits = waits;
    this.#ports = ports;
    this.#limits = limits;
    this.#slots = starts.map(() => ({
      handle: null,
      waiting: [],
      failures: 0,
      beat: 0,
      still: 0,
      ready: false,
      restarts: {},
    }));
  }

  /** Starts every worker; resolves when all are ready, rejects with the first reason when one is not. */
  async start(): Promise<void> {
    for (const [shard, slot] of this.#slots.entries()) slot.handle = this.#spawn(shard);
    try {
      await this.#allReady();
    } catch (error) {
      await this.#terminate();
      throw error;
    }
    for (const slot of this.#slots) {
      slot.ready = true;
      this.#watch(slot);
    }
    this.#heartbeats = setInterval(() => this.#checkHeartbeats(), this.#limits.heartbeatCheck);
  }

  /** The workers that wait begin. */
  begin(): void {
    this.#waits = false;
    for (const { handle } of this.#slots) handle?.begin();
  }

  /** Ends every worker without a word to the clients: another process takes over, or `resume` follows. */
  async release(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    const handles = this.#slots.flatMap(({ handle }) => handle ?? []);
    await Promise.all(handles.map((handle) => handle.release(this.#limits.release)));
    for (const slot of this.#slots) slot.handle = null;
  }

  /** New workers take the places of those that were released. */
  resume(): void {
    this.#stopping = false;
    for (const [shard, slot] of this.#slots.entries()) this.#replace(slot, shard);
  }

  /** Between two workers of a shard only `disconnect` waits for the next one: the questions went with the worker that asked. */
  send(shard: number, message: ToShard): void {
    const slot = this.#slots[shard];
    if (slot?.handle != null) slot.handle.send(message);
    else if (message.type === 'disconnect') slot?.waiting.push(message);
  }

  /** Replaces the list that every worker checks certificates with, later ones included. */
  setCrl(crl: string): void {
    this.#crl = { type: 'set-crl', crl };
    for (const { handle } of this.#slots) handle?.send(this.#crl);
  }

  /** Every worker tells the clients of a listener to connect elsewhere, and takes nobody there any more. */
  leaveListener(listener: number): void {
    for (const slot of this.#slots) {
      const message: ToShard = { type: 'leave-listener', listener };
      if (slot.handle === null) slot.waiting.push(message);
      else slot.handle.send(message);
    }
  }

  /**
   * Every worker takes the options over, later ones start with them; `tls` null leaves certificates and lists as they are.
   * Resolves to a line for each worker that goes on as before.
   */
  async reconfigure(server: LiveOptions, tls: TlsOptions | null): Promise<string[]> {
    this.#starts = this.#starts.map((start) => ({
      ...start,
      server: { ...start.server, ...server },
      tls: tls ?? start.tls,
    }));
    if (tls !== null) this.#crl = null;
    const handles = this.#slots.flatMap(({ handle }) => handle ?? []);
    const answers = handles.map(async (handle) => {
      const problem = await handle.reconfigure(this.#limits.reconfigure, server, tls);
      return problem === null ? [] : [`shard ${handle.shard}: ${problem}`];
    });
    return (await Promise.all(answers)).flat();
  }

  /** Why a client has not been told of new options; null when it has. */
  async pushUpdate(shard: number, peerId: PeerId, update: PushUpdate): Promise<string | null> {
    const handle = this.#slots[shard]?.handle;
    return handle == null ? NO_WORKER : handle.pushUpdate(this.#limits.reconfigure, peerId, update);
  }

  /** In shard order; null where no worker answers. */
  statistics(): Promise<(ControlStatistics | null)[]> {
    return Promise.all(this.#slots.map(({ handle }) => handle?.statistics(this.#limits.statistics) ?? null));
  }

  /** Workers that were replaced, by reason, in shard order. */
  restarts(): Readonly<Partial<Record<EndOfWorker, number>>>[] {
    return this.#slots.map(({ restarts }) => ({ ...restarts }));
  }

  /** Ends every worker after its clients have been told, at the latest after `limitMs`. */
  async stop(limitMs: number): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#heartbeats);
    for (const timer of this.#timers) clearTimeout(timer);
    const handles = this.#slots.flatMap(({ handle }) => handle ?? []);
    const finished = await Promise.all(handles.map((handle) => handle.shutdown(limitMs)));
    if (finished.includes(false)) this.#ports.log.warn('not every client could be told in time');
  }

  #spawn(shard: number): ShardHandle {
    const start = this.#starts[shard] as ShardStart;
    const worker = this.#ports.startWorker({ ...start, waits: this.#waits });
    return new ShardHandle(worker, shard, (message) => this.#ports.onClient(shard, message));
  }

  async #allReady(): Promise<void> {
    const all = Promise.all(this.#slots.map(({ handle }) => handle?.ready));
    if ((await within(all, this.#limits.ready)) === null) {
      throw new VpnError(
        'internal/workers-not-ready',
        `the workers are not ready after ${this.#limits.ready / 1000} s`,
      );
    }
  }

  async #terminate(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#slots.map(({ handle }) => handle?.terminate()));
  }

  #watch(slot: Slot): void {
    const handle = slot.handle as ShardHandle;
    const { shard } = handle;
    const started = performance.now();
    void handle.ended.then((end) => {
      if (this.#stopping) return;
      const reason = slot.hangs ? 'hang' : end.reason;
      Object.assign(slot, { handle: null, hangs: false });
      if (performance.now() - started > this.#limits.forgiveAfter) slot.failures = 0;
      slot.restarts[reason] = (slot.restarts[reason] ?? 0) + 1;
      this.#ports.log.error(`worker of shard ${shard} ${end.detail}`, { reason, failures: slot.failures + 1 });
      this.#replaceLater(slot, shard);
    });
  }

  #replaceLater(slot: Slot, shard: number): void {
    const delay = Math.min(this.#limits.firstBackOff * 2 ** slot.failures, this.#limits.longestBackOff);
    slot.failures += 1;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#replace(slot, shard);
    }, delay);
    this.#timers.add(timer);
  }

  #replace(slot: Slot, shard: number): void {
    const handle = this.#spawn(shard);
    Object.assign(slot, { handle, still: 0, ready: false });
    if (this.#crl !== null) handle.send(this.#crl);
    for (const message of slot.waiting.splice(0)) handle.send(message);
    this.#watch(slot);
    void handle.ready.then(
      () => {
        Object.assign(slot, { still: 0, ready: true });
        this.#ports.log.info(`worker of shard ${shard} replaced`);
      },
      () => {},
    );
  }

  #checkHeartbeats(): void {
    for (const [shard, slot] of this.#slots.entries()) {
      const beat = Atomics.load(new Int32Array((this.#starts[shard] as ShardStart).heartbeat), 0);
      const moved = beat !== slot.beat;
      Object.assign(slot, {
        beat,
        still: moved || slot.handle === null ? 0 : slot.still + this.#limits.heartbeatCheck,
      });
      if (slot.still >= (slot.ready ? this.#limits.hang : this.#limits.ready)) this.#replaceHanging(slot, shard);
    }
  }

  #replaceHanging(slot: Slot, shard: number): void {
    this.#ports.log.error(`worker of shard ${shard} hangs: no heartbeat for ${slot.still / 1000} s`);
    Object.assign(slot, { still: 0, hangs: true });
    void slot.handle?.terminate();
  }
}

const NO_WORKER = 'its worker is being replaced; try again';

interface Slot {
  /** null between two workers. */
  handle: ShardHandle | null;
  /** For the next worker. */
  readonly waiting: ToShard[];
  failures: number;
  beat: number;
  /** Milliseconds since the heartbeat has moved. */
  still: number;
  ready: boolean;
  /** It is being terminated because it hangs. */
  hangs?: boolean;
  readonly restarts: Partial<Record<EndOfWorker, number>>;
}
