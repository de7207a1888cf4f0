import { Client, type ClientEvent, type ClientOptions, type ClientPorts, type Path, type PeerId } from '@shardvpn/core';
import type { EventLoop } from './event-loop.js';
import { ModelDataThread } from './model-data-thread.js';
import type { Network } from './network.js';
import { isData, unixAt } from './sim-server.js';

/** A client with its drive loop and data thread behind a NAT. */
export class SimClient {
  readonly core: Client;
  readonly data: ModelDataThread;
  readonly events: ClientEvent[] = [];
  /** Public address now. */
  path: Path;
  readonly #loop: EventLoop;
  readonly #network: Network;
  readonly #remote: Path;
  #wakeAt = Number.POSITIVE_INFINITY;
  #dead = false;

  constructor(
    loop: EventLoop,
    network: Network,
    path: Path,
    options: ClientOptions,
    ports: Omit<ClientPorts, 'onTlsProgress'>,
  ) {
    this.#loop = loop;
    this.#network = network;
    this.#remote = options.remote;
    this.path = path;
    const onTlsProgress = () => loop.after(0, () => this.run(() => this.core.handleTls(loop.now)));
    this.core = new Client(options, { ...ports, onTlsProgress }, loop.now, unixAt(loop.now));
    this.data = new ModelDataThread('client', {
      now: () => loop.now,
      transmit: (_, bytes) => this.#transmit(bytes),
      report: (event) => loop.after(0, () => this.run(() => this.core.handleDataEvent(loop.now, event))),
    });
    this.#attach();
    this.run(() => undefined);
  }

  get isConnected(): boolean {
    return this.core.isConnected;
  }

  get connected(): Extract<ClientEvent, { type: 'connected' }> | undefined {
    return this.events.find((event) => event.type === 'connected');
  }

  get ended(): Extract<ClientEvent, { type: 'ended' }> | undefined {
    return this.events.find((event) => event.type === 'ended');
  }

  get renegotiations(): number {
    return this.events.filter((event) => event.type === 'renegotiated').length;
  }

  get peerId(): PeerId {
    const { connected } = this;
    if (connected === undefined) {
      throw new Error('the client is not connected');
    }
    return connected.peerId;
  }

  /** The NAT forgets the mapping and makes another one. */
  rebind(path: Path): void {
    this.#network.detachClient(this.path);
    this.path = path;
    this.#attach();
  }

  /** The machine loses power. */
  kill(): void {
    this.#dead = true;
    this.#network.detachClient(this.path);
  }

  get isDead(): boolean {
    return this.#dead;
  }

  run(step: () => void): void {
    if (this.#dead) {
      return;
    }
    step();
    for (let command = this.core.pollCommand(); command !== undefined; command = this.core.pollCommand()) {
      this.data.handleCommand(command);
    }
    for (let transmit = this.core.pollTransmit(); transmit !== undefined; transmit = this.core.pollTransmit()) {
      this.#transmit(transmit.bytes);
    }
    for (let event = this.core.pollEvent(); event !== undefined; event = this.core.pollEvent()) {
      this.events.push(event);
    }
    this.#armTimer();
  }

  #transmit(bytes: Uint8Array): void {
    if (!this.#dead) {
      this.#network.toServer(this.path, bytes);
    }
  }

  #attach(): void {
    this.#network.attachClient(this.path, (_, bytes) => {
      if (isData(bytes)) {
        this.data.handleDatagram(this.#remote, bytes);
      } else {
        this.run(() => this.core.handleDatagram(this.#loop.now, this.#remote, bytes));
      }
    });
  }

  #armTimer(): void {
    const next = this.core.pollTimeout();
    if (next === undefined || next.at >= this.#wakeAt) {
      return;
    }
    this.#wakeAt = next.at;
    this.#loop.after(Math.max(0, next.at - this.#loop.now), () => {
      if (this.#loop.now >= this.#wakeAt) {
        this.#wakeAt = Number.POSITIVE_INFINITY;
        this.run(() => this.core.handleTimeout(this.#loop.now));
      }
    });
  }
}
