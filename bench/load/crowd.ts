import { Worker } from 'node:worker_threads';
import type { ConnectedClient, FromThread, ThreadStart, ToThread } from './thread-messages.js';

/** All clients of the process, spread over threads. */
export class Crowd {
  readonly connected: ConnectedClient[] = [];
  readonly failed: string[] = [];
  /** Connections that have ended by themselves. */
  readonly lost: string[] = [];
  readonly #threads: Thread[];

  constructor(starts: readonly ThreadStart[]) {
    this.#threads = starts.map((start) => new Thread(start, (news) => this.#take(news)));
  }

  get started(): number {
    return this.#threads.reduce((sum, thread) => sum + thread.started, 0);
  }

  /** Resolves when every socket is open. */
  async open(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.ready));
  }

  start(): void {
    for (const thread of this.#threads) thread.post({ type: 'start' });
  }

  /** Every client says goodbye; resolves when the threads have ended. */
  async leave(): Promise<void> {
    for (const thread of this.#threads) thread.post({ type: 'leave' });
    await Promise.all(this.#threads.map((thread) => thread.left));
  }

  /** Rejects when a thread fails. */
  get fault(): Promise<never> {
    return Promise.race(this.#threads.map((thread) => thread.fault));
  }

  #take({ connected, failed, lost }: News): void {
    for (const client of connected) this.connected.push(client);
    this.failed.push(...failed);
    this.lost.push(...lost);
  }
}

type News = Extract<FromThread, { type: 'news' }>;

class Thread {
  readonly ready: Promise<void>;
  readonly left: Promise<void>;
  readonly fault: Promise<never>;
  started = 0;
  readonly #worker: Worker;

  constructor(start: ThreadStart, onNews: (news: News) => void) {
    const worker = new Worker(new URL('./thread-entry.js', import.meta.url), { workerData: start, name: 'load' });
    this.#worker = worker;
    this.fault = new Promise((_, reject) => worker.on('error', reject));
    this.fault.catch(() => undefined);
    let resolveReady = (): void => undefined;
    this.ready = Promise.race([new Promise<void>((resolve) => (resolveReady = resolve)), this.fault]);
    const end = new Promise<void>((resolve) => worker.on('exit', () => resolve()));
    this.left = Promise.race([end, this.fault]);
    worker.on('message', (message: FromThread) => {
      if (message.type === 'ready') resolveReady();
      if (message.type !== 'news') return;
      this.started = message.started;
      onNews(message);
    });
  }

  post(message: ToThread): void {
    this.#worker.postMessage(message);
  }
}
