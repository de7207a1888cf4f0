import { type LiveOptions, type PeerId, type PushUpdate, VpnError } from '@shardvpn/core';
import type { FromShard, ShardStart, TlsOptions, ToShard } from '@shardvpn/worker';
import type { ClientMessage } from '../registry/registry.js';

/** The part of a `worker_threads.Worker` that is used. */
export interface WorkerPort {
  postMessage(message: ToShard): void;
  terminate(): Promise<unknown>;
  on(event: 'message', listener: (messages: readonly FromShard[]) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'exit', listener: (code: number) => void): unknown;
}

export type StartWorker = (start: ShardStart) => WorkerPort;

/** What the control channel of a shard has counted since its worker started. */
export interface ControlStatistics {
  readonly drops: Readonly<Record<string, number>>;
  readonly handshakes: number;
}

/** What a worker says that is not about itself. */
export type WorldMessage = ClientMessage | Extract<FromShard, { readonly type: 'verify-key' }>;

/** Why a worker is gone; a label of a metric. `hang`: its heartbeat stood still. */
export type EndOfWorker = 'exception' | 'memory' | 'exit' | 'hang';

export interface WorkerEnd {
  readonly reason: EndOfWorker;
  readonly detail: string;
}

/** One worker, from its start to its end. It is not restarted: another handle takes its place. */
export class ShardHandle {
  readonly shard: number;
  /** Resolves when the worker serves; rejects when it ended before. */
  readonly ready: Promise<void>;
  /** Resolves when the worker is gone, for whatever reason. */
  readonly ended: Promise<WorkerEnd>;
  readonly #worker: WorkerPort;
  readonly #questions = new Map<number, (answer: Answer) => void>();
  #lastQuestion = 0;
  #drained: () => void = () => {};
  #released: () => void = () => {};

  constructor(worker: WorkerPort, shard: number, onClient: (message: WorldMessage) => void) {
    this.shard = shard;
    this.#worker = worker;
    this.ended = endOf(worker);
    this.ready = new Promise((resolve, reject) => {
      worker.on('message', (messages) => {
        for (const message of messages) this.#receive(message, resolve, onClient);
      });
      void this.ended.then(({ detail }) => reject(new VpnError('internal/shard-ended', `shard ${shard} ${detail}`)));
    });
    // Whoever does not wait for `ready` looks at `ended`.
    this.ready.catch(() => {});
  }

  send(message: ToShard): void {
    this.#worker.postMessage(message);
  }

  /** Asks for the control channel's counters; null when the worker does not answer in time. */
  statistics(limitMs: number): Promise<ControlStatistics | null> {
    return this.#ask(limitMs, (request) => ({ type: 'drops', request })).then((answer) =>
      answer?.type === 'drops' ? answer : null,
    );
  }

  /** What the worker says to new options: null when they are in force, else why they are not. */
  async reconfigure(limitMs: number, server: LiveOptions, tls: TlsOptions | null): Promise<string | null> {
    const answer = await this.#ask(limitMs, (request) => ({ type: 'reconfigure', request, server, tls }));
    return answer?.type === 'reconfigured' ? answer.problem : `no answer within ${limitMs / 1000} s`;
  }

  /** Why a client has not been told of new options; null when it has. */
  async pushUpdate(limitMs: number, peerId: PeerId, update: PushUpdate): Promise<string | null> {
    const answer = await this.#ask(limitMs, (request) => ({ type: 'push-update', request, peerId, update }));
    return answer?.type === 'push-updated' ? answer.problem : NO_ANSWER;
  }

  /** Lets the worker tell its clients, then ends it, at the latest after `limitMs`. True when it had finished in time. */
  async shutdown(limitMs: number): Promise<boolean> {
    const drained = new Promise<true>((resolve) => {
      this.#drained = () => resolve(true);
    });
    this.send({ type: 'shutdown' });
    const finished = await within(Promise.race([drained, this.ended.then(() => true as const)]), limitMs);
    await this.terminate();
    return finished ?? false;
  }

  /** A worker that was told to wait begins. */
  begin(): void {
    this.send({ type: 'begin' });
  }

  /** Lets the worker finish what it is doing, then ends it, at the latest after `limitMs`. What it has said has been heard. */
  async release(limitMs: number): Promise<void> {
    const released = new Promise<void>((resolve) => {
      this.#released = resolve;
    });
    this.send({ type: 'release' });
    await within(Promise.race([released, this.ended]), limitMs);
    await this.terminate();
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #ask(limitMs: number, question: (request: number) => ToShard): Promise<Answer | null> {
    const request = ++this.#lastQuestion;
    const answer = new Promise<Answer>((resolve) => this.#questions.set(request, resolve));
    this.send(question(request));
    const noAnswer = this.ended.then(() => null);
    return within(Promise.race([answer, noAnswer]), limitMs).finally(() => this.#questions.delete(request));
  }

  #receive(message: FromShard, isReady: () => void, onClient: (message: WorldMessage) => void): void {
    switch (message.type) {
      case 'ready':
        isReady();
        break;
      case 'drops':
      case 'reconfigured':
      case 'push-updated':
        this.#questions.get(message.request)?.(message);
        break;
      case 'drained':
        this.#drained();
        break;
      case 'released':
        this.#released();
        break;
      default:
        onClient(message);
    }
  }
}

/** Whether it was told is not known. */
export const NO_ANSWER = 'its worker does not answer';

type Answer = Extract<FromShard, { readonly type: 'drops' | 'reconfigured' | 'push-updated' }>;

const endOf = (worker: WorkerPort): Promise<WorkerEnd> => {
  let end: WorkerEnd | undefined;
  worker.on('error', (error) => {
    const reason = (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'memory' : 'exception';
    end ??= { reason, detail: `failed: ${error.stack ?? error.message}` };
  });
  return new Promise((resolve) => {
    worker.on('exit', (code) => resolve(end ?? { reason: 'exit', detail: `ended with code ${code}` }));
  });
};

/**
 * The promise's value, or null after `limitMs`. Rejections pass through. What has come while the process did not run is heard before the
 * time is looked at.
 */
export const within = <T>(promise: Promise<T>, limitMs: number): Promise<T | null> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => setImmediate(resolve, null), limitMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};
