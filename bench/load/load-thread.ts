import type { CryptoProvider, TlsEngine } from '@shardvpn/core';
import { createRing } from '@shardvpn/ring';
import { DriveLoop } from '@shardvpn/worker';
import { Fleet, type FleetEvent } from './fleet.js';
import type { LoadNative } from './load-native.js';
import { NewsDesk } from './news-desk.js';
import { Starter } from './starter.js';
import type { FromThread, ThreadStart, ToThread } from './thread-messages.js';

export interface LoadThreadPorts {
  readonly native: LoadNative;
  readonly tls: TlsEngine;
  readonly crypto: CryptoProvider;
  readonly post: (message: FromThread) => void;
}

/** Room for the handshakes of a second. */
const RING_BYTES = 1 << 22;
/** Often enough for an even rate. */
const START_MS = 10;
const NEWS_MS = 200;
/** For the worker's turn that hands the goodbyes over; the data thread takes all that are there before it ends. */
const GOODBYE_MS = 50;

/** A share of the clients: their protocol here, their packets on a native thread. */
export class LoadThread {
  readonly #ports: LoadThreadPorts;
  readonly #load: number;
  readonly #starter: Starter;
  readonly #desk: NewsDesk;
  readonly #loop: DriveLoop<FleetEvent, Fleet>;
  readonly #timers: NodeJS.Timeout[] = [];

  /** Opens the sockets; throws what the system refuses. */
  constructor(start: ThreadStart, ports: LoadThreadPorts) {
    const { native, tls, crypto, post } = ports;
    const { client, clients } = start;
    const rings = { toData: createRing(RING_BYTES), toWorker: createRing(RING_BYTES) };
    const { host, port } = client.remote;
    const views = { toData: new Uint8Array(rings.toData), toWorker: new Uint8Array(rings.toWorker) };
    const load = native.openLoad({ host, port, clients, ...views });
    this.#ports = ports;
    this.#load = load;
    this.#starter = new Starter(start.pace, clients, () => performance.now());
    this.#desk = new NewsDesk(load, this.#starter);
    const clock = { now: () => performance.now(), wakeDataThread: () => native.wakeLoad(load) };
    this.#loop = new DriveLoop<FleetEvent, Fleet>(rings, clock, {
      create: (onTlsProgress) => new Fleet({ client, crypto, tls, unixNow, onTlsProgress }),
      handleEvent: (event) => this.#desk.handleEvent(event),
      handleDrained: () => undefined,
    });
    native.attachLoad(load, () => this.#loop.wake());
    this.#every(NEWS_MS, () => post(this.#desk.news()));
    post({ type: 'ready' });
  }

  handleMessage(message: ToThread): void {
    if (message.type === 'start') {
      this.#starter.begin();
      this.#every(START_MS, () => this.#startDue());
      return;
    }
    for (const timer of this.#timers) clearInterval(timer);
    this.#loop.handle(() => this.#loop.protocol.leave());
    setTimeout(() => this.#close(), GOODBYE_MS);
  }

  #startDue(): void {
    const numbers = this.#starter.takeDue();
    if (numbers.length === 0) return;
    this.#loop.handle((now) => {
      for (const number of numbers) this.#loop.protocol.start(now, number);
    });
  }

  #close(): void {
    this.#loop.close();
    this.#ports.native.closeLoad(this.#load);
    this.#ports.post(this.#desk.news());
    this.#ports.post({ type: 'left' });
  }

  #every(milliseconds: number, work: () => void): void {
    this.#timers.push(setInterval(work, milliseconds));
  }
}

const unixNow = (): number => Math.floor(Date.now() / 1000);
