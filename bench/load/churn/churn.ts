import { setTimeout as sleep } from 'node:timers/promises';
import { clientOptions } from 'shardvpn';
import type { FleetEvent } from '../fleet.js';
import { type LoadNative, loadNative } from '../load-native.js';
import { countBy, percentile } from '../load-result.js';
import { readServer, type Server } from '../run-load.js';
import { attributeLosses } from './attribute-losses.js';
import type { ChurnOptions } from './churn-options.js';
import { type ChurnResult, sumOf, unexplainedLosses } from './churn-result.js';
import { FleetLink } from './fleet-link.js';
import { FlowBook } from './flow-book.js';
import type { Move, Stall } from './flow-record.js';
import { DRAIN_MS, Life, type LifeEvent, type LifePorts } from './life.js';
import { Random } from './random.js';

/** Runs the lives of all clients, and says what has become of their packets. */
export const runChurn = async (options: ChurnOptions, say: (text: string) => void): Promise<ChurnResult> => {
  const server = await readServer(options.config);
  const { profile, host, port } = server;
  return await new Churn(options, clientOptions(profile, { host, port }), server, say).run();
};

/** A handshake that is under way at the end gets so long. */
const SETTLE_MS = 40_000;
const LOOK_MS = 100;
const SAY_MS = 5000;
/** How often to look whether this process runs, and what is too late. */
const TICK_MS = 50;
const STALL_MS = 300;
/** For the goodbyes to leave. */
const GOODBYE_MS = 200;

class Churn {
  readonly #options: ChurnOptions;
  readonly #say: (text: string) => void;
  readonly #native: LoadNative = loadNative();
  readonly #link: FleetLink;
  readonly #book: FlowBook;
  readonly #lives: readonly Life[];
  readonly #moves: Move[] = [];
  readonly #stalls: Stall[] = [];
  readonly #events: Record<LifeEvent | 'renegotiations', number> = {
    ...{ connects: 0, floats: 0, exits: 0, kills: 0, restarts: 0, renegotiations: 0 },
    ...{ 'handshakes-failed': 0, 'sessions-lost': 0 },
  };
  readonly #ended: string[] = [];
  readonly #connectMs: number[] = [];

  constructor(
    options: ChurnOptions,
    client: ConstructorParameters<typeof FleetLink>[1],
    { profile }: Server,
    say: (text: string) => void,
  ) {
    this.#options = options;
    this.#say = say;
    const { clients, seed } = options;
    this.#link = new FleetLink(this.#native, client, profile.tls, clients, (event) => this.#handleEvent(event));
    this.#book = new FlowBook(this.#native, this.#link.load, options);
    const ports = this.#ports();
    this.#lives = Array.from({ length: clients }, (_, n) => new Life(n, options, new Random(seed, n), ports));
  }

  async run(): Promise<ChurnResult> {
    const { clients, rate, seconds, seed } = this.#options;
    this.#say(`seed ${seed}: ${clients} clients for ${seconds} s`);
    const begin = performance.now();
    const ticks = this.#noteStalls();
    for (const life of this.#lives) {
      life.begin();
      await sleep(1000 / rate);
    }
    await this.#watch(1000 * seconds, () => false);
    for (const life of this.#lives) life.settle();
    await this.#watch(SETTLE_MS, () => !this.#lives.some(({ isConnecting }) => isConnecting));
    for (const client of this.#lives.keys()) this.#book.stop(client);
    await sleep(DRAIN_MS);
    for (const client of this.#lives.keys()) this.#book.close(client, 'drained');
    for (const client of this.#lives.keys()) this.#link.remove(client, true);
    await sleep(GOODBYE_MS);
    clearInterval(ticks);
    const result = this.#result((performance.now() - begin) / 1000);
    this.#link.close();
    return result;
  }

  #noteStalls(): NodeJS.Timeout {
    let last = this.#native.loadClock();
    return setInterval(() => {
      const now = this.#native.loadClock();
      if (now - last > STALL_MS) this.#stalls.push({ from: last, to: now });
      last = now;
    }, TICK_MS);
  }

  #ports(): LifePorts {
    const { load } = this.#link;
    return {
      connect: (client) => this.#link.connect(client),
      remove: (client, goodbye) => this.#link.remove(client, goodbye),
      changeSocket: (client, host) => this.#native.moveClient(load, client, ...(host === null ? [] : [host])),
      stopFlows: (client) => this.#book.stop(client),
      closeFlows: (client, end) => this.#book.close(client, end),
      // What is planned beyond the end does not keep the process.
      after: (milliseconds, work) => void setTimeout(work, milliseconds).unref(),
      note: (what) => this.#events[what]++,
    };
  }

  #handleEvent(event: FleetEvent): void {
    const life = this.#lives[event.number];
    if (event.type === 'renegotiated') this.#events.renegotiations++;
    else if (event.type === 'ended') {
      this.#ended.push(`${event.wasConnected ? 'session' : 'handshake'}: ${event.reason}`);
      life?.handleEnded(event.wasConnected);
    } else {
      const { number, peerId, ipv4, after } = event;
      this.#connectMs.push(after);
      if (ipv4 !== null) this.#book.open({ client: number, peerId, ipv4 });
      life?.handleConnected();
    }
  }

  /** Until `isDone`, at most so long; says now and then how things are. */
  async #watch(milliseconds: number, isDone: () => boolean): Promise<void> {
    const end = performance.now() + milliseconds;
    let sayAt = performance.now() + SAY_MS;
    while (!isDone() && performance.now() < end) {
      await sleep(Math.min(LOOK_MS, Math.max(0, end - performance.now())));
      if (performance.now() < sayAt) continue;
      sayAt += SAY_MS;
      const connected = this.#lives.filter((life) => life.isConnected).length;
      this.#say(`${connected} connected; ${JSON.stringify(this.#events)}`);
    }
  }

  #result(seconds: number): ChurnResult {
    const native = this.#native;
    const moves = native.takeMoves(this.#link.load);
    for (let n = 0; n + 1 < moves.length; n += 2) this.#moves.push({ client: moves[n] ?? 0, at: moves[n + 1] ?? 0 });
    const flows = this.#book.closed;
    const losses = attributeLosses(flows, this.#moves, this.#stalls, 1000 / this.#options.pps);
    const { corrupted, late, foreign } = native.strayPackets(this.#link.load);
    const [sent, received] = [sumOf(flows, 'sent'), sumOf(flows, 'received')];
    const epoch = performance.timeOrigin + performance.now() - native.loadClock();
    const connects = this.#connectMs.toSorted((a, b) => a - b);
    return {
      ...{ seed: this.#options.seed, seconds, events: this.#events, ended: countBy(this.#ended), flows: flows.length },
      packets: {
        ...{ sent, received, lost: sent - received, corrupted, late, foreign },
        unsent: sumOf(flows, 'unsent'),
        reordered: sumOf(flows, 'reordered'),
        duplicated: sumOf(flows, 'duplicated'),
      },
      lost: losses.packets,
      unexplained: unexplainedLosses(losses, epoch),
      connectMs: { p50: percentile(connects, 0.5), p99: percentile(connects, 0.99), max: connects.at(-1) ?? 0 },
      counters: Object.fromEntries(native.loadCounters().map(({ name, value }) => [name, value])),
    };
  }
}
