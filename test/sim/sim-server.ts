import {
  type AuthDecision,
  type ClientIdentity,
  type DataCommand,
  type EndReason,
  type KeptTls,
  type KeyVerdict,
  type Lease,
  type Path,
  type PeerId,
  Server,
  type ServerEvent,
  type ServerOptions,
  type ServerPorts,
} from '@shardvpn/core';
import type { EventLoop } from './event-loop.js';
import { ModelDataThread } from './model-data-thread.js';
import type { Network } from './network.js';

/** What a server is given anew whenever it starts. */
export type SimServerPorts = () => Omit<ServerPorts, 'onTlsProgress'>;

/** A server with its drive loop, a data thread, and a world that answers its questions and outlives it. */
export class SimServer {
  core: Server;
  readonly data: ModelDataThread;
  /** What the server has asked to be kept, by peer-id. */
  readonly snapshots = new Map<PeerId, Uint8Array>();
  /** TLS sessions that were kept with them. */
  readonly keptTls = new Map<PeerId, KeptTls>();
  readonly events: ServerEvent[] = [];
  /** Addresses in use, by peer-id. */
  readonly leases = new Map<PeerId, string>();
  readonly faults: string[] = [];
  /** Whom the server has been busy with, one after the other; null: it was done with that. */
  readonly busyWith: (PeerId | null)[] = [];
  /** How many servers have died over a client. */
  readonly deaths = new Map<PeerId, number>();
  /** Answers of the world; undefined keeps the client waiting. */
  decide: (identity: ClientIdentity, password: string | null, renegotiation: boolean) => AuthDecision | undefined =
    () => ({
      type: 'accept',
    });
  /** What is done with a client's answer to a pending challenge. */
  respond: (event: Extract<ServerEvent, { type: 'challenge-response' }>) => void = () => undefined;
  /** What is said about a client's own key; undefined: nothing. */
  verifyKey: (metadata: Uint8Array) => KeyVerdict | undefined = () => 'accept';
  poolSize = 250;
  /** Whether a client without an address is told not to come again. */
  refusesForGood = false;
  leasePush: readonly string[] = [];
  /** Milliseconds the world thinks about every question. */
  answerDelay = 0;
  readonly #loop: EventLoop;
  readonly #network: Network;
  readonly #options: ServerOptions;
  readonly #ports: SimServerPorts;
  #wakeAt = Number.POSITIVE_INFINITY;
  /** What has come for a server that is down; null while one is up. */
  #backlog: (() => void)[] | null = null;
  #crashes: { readonly downFor: number; readonly at: 'its middle' | 'its events' } | null = null;
  /** When clients have ended, by number. */
  readonly #endedAt = new Map<PeerId, number>();

  constructor(loop: EventLoop, network: Network, options: ServerOptions, ports: SimServerPorts) {
    this.#loop = loop;
    this.#network = network;
    this.#options = options;
    this.#ports = ports;
    this.core = this.#createCore();
    this.data = new ModelDataThread('server', {
      now: () => loop.now,
      transmit: (path, bytes) => network.toClient(path, bytes),
      report: (event) => loop.after(0, () => this.run(() => this.core.handleDataEvent(loop.now, event))),
    });
    network.attachServer((path, bytes) => this.handleDatagram(path, bytes));
  }

  handleDatagram(path: Path, bytes: Uint8Array): void {
    if (isData(bytes)) {
      this.data.handleDatagram(path, bytes);
    } else {
      this.run(() => this.core.handleDatagram(this.#loop.now, path, bytes));
    }
  }

  /** The server dies, and another one goes on after `downFor` milliseconds; what comes in between waits. */
  crash(downFor: number): void {
    this.#crashes = null;
    if (this.#backlog === null) {
      this.#backlog = [];
      this.#loop.after(downFor, () => this.#restart());
    }
  }

  /** The next turn is left in its middle: what it has done is lost. */
  crashInTurn(downFor: number): void {
    this.#crashes = { downFor, at: 'its middle' };
  }

  /** The next turn ends when the data thread and the network have got theirs: the world hears nothing of it. */
  crashBeforeEvents(downFor: number): void {
    this.#crashes = { downFor, at: 'its events' };
  }

  /** One turn of the drive loop: hand in, drain in the order of the contract, arm the timer. */
  run(step: () => void): void {
    if (this.#backlog !== null) {
      this.#backlog.push(step);
      return;
    }
    step();
    if (this.#crashesAt('its middle')) return;
    this.#storeSnapshots();
    for (let command = this.core.pollCommand(); command !== undefined; command = this.core.pollCommand()) {
      this.#handleCommand(command);
    }
    for (let transmit = this.core.pollTransmit(); transmit !== undefined; transmit = this.core.pollTransmit()) {
      this.#network.toClient(transmit.path, transmit.bytes);
    }
    if (this.#crashesAt('its events')) return;
    for (let event = this.core.pollEvent(); event !== undefined; event = this.core.pollEvent()) {
      this.#handleEvent(event);
    }
    this.#armTimer();
  }

  /** A later decision about a client that was kept waiting. */
  decideLater(request: number, decision: AuthDecision): void {
    this.run(() => this.core.handleAuthDecision(this.#loop.now, request, decision));
  }

  ended(reason: EndReason): readonly ServerEvent[] {
    return this.events.filter(
      (event) => (event.type === 'disconnected' || event.type === 'refused') && event.reason === reason,
    );
  }

  of<Type extends ServerEvent['type']>(type: Type): readonly Extract<ServerEvent, { type: Type }>[] {
    return this.events.filter((event): event is Extract<ServerEvent, { type: Type }> => event.type === type);
  }

  #createCore(): Server {
    const { now } = this.#loop;
    const onTlsProgress = (): void => {
      const { core } = this;
      this.#loop.after(0, () => {
        if (core === this.core) this.run(() => this.core.handleTls(this.#loop.now));
      });
    };
    const onBusyWith = (peerId: PeerId | null): void => {
      this.busyWith.push(peerId);
    };
    return new Server(this.#options, { ...this.#ports(), onTlsProgress, onBusyWith }, now, unixAt(now));
  }

  /** A new server takes the clients over; leases that belong to nobody by now are free. */
  #restart(): void {
    const backlog = this.#backlog ?? [];
    this.#backlog = null;
    this.#wakeAt = Number.POSITIVE_INFINITY;
    this.core = this.#createCore();
    const { peers } = this.data;
    const all = [...new Set([...peers, ...this.snapshots.keys()])].map((peerId) => ({
      peerId,
      served: peers.includes(peerId),
      path: this.data.pathOf(peerId),
      bytes: this.snapshots.get(peerId) ?? null,
      tls: this.keptTls.get(peerId) ?? null,
      deaths: this.deaths.get(peerId) ?? 0,
    }));
    const before = this.events.length;
    this.run(() => this.core.restore(this.#loop.now, all));
    const again: (() => void)[] | null = this.#downNow();
    if (again !== null) {
      again.unshift(...backlog);
      return;
    }
    const restored = new Set(
      this.events.slice(before).map((event) => (event.type === 'restored' ? event.client.peerId : null)),
    );
    for (const peerId of this.leases.keys()) {
      if (!restored.has(peerId)) this.leases.delete(peerId);
    }
    for (const step of backlog) this.run(step);
  }

  #crashesAt(point: 'its middle' | 'its events'): boolean {
    if (this.#crashes?.at !== point) return false;
    this.crash(this.#crashes.downFor);
    return true;
  }

  #downNow(): (() => void)[] | null {
    return this.#backlog;
  }

  #storeSnapshots(): void {
    for (let change = this.core.pollSnapshot(); change !== undefined; change = this.core.pollSnapshot()) {
      this.keptTls.delete(change.peerId);
      if (change.type === 'drop') this.snapshots.delete(change.peerId);
      else this.snapshots.set(change.peerId, change.bytes.slice());
      if (change.type === 'store' && change.tls !== null) this.keptTls.set(change.peerId, change.tls);
    }
  }

  #handleCommand(command: DataCommand): void {
    this.data.handleCommand(command);
  }

  #handleEvent(event: ServerEvent): void {
    this.events.push(event);
    switch (event.type) {
      case 'authenticate': {
        const decision = this.decide(event.identity, event.password, event.renegotiation);
        if (decision !== undefined) {
          this.#answer(() => this.core.handleAuthDecision(this.#loop.now, event.request, decision));
        }
        break;
      }
      case 'verify-key': {
        const verdict = this.verifyKey(event.metadata);
        if (verdict !== undefined) {
          this.#answer(() => this.core.handleKeyVerdict(this.#loop.now, event.key, verdict));
        }
        break;
      }
      case 'lease':
        this.#grantLease(event.request, event.peerId);
        break;
      case 'disconnected':
        this.#endedAt.set(event.peerId, this.#loop.now);
        if (!this.leases.delete(event.peerId)) {
          this.faults.push(`lease of ${event.peerId} given back twice`);
        }
        break;
      case 'challenge-response':
        this.respond(event);
        break;
      case 'connected':
      case 'restored':
      case 'floated':
      case 'auth-withdrawn':
      case 'float-conflict':
      case 'renegotiated':
      case 'refused':
      case 'turned-away':
        break;
    }
  }

  #grantLease(request: number, peerId: PeerId): void {
    const taken = new Set(this.leases.values());
    const address = Array.from({ length: this.poolSize }, (_, i) => `10.8.0.${i + 2}`).find((free) => !taken.has(free));
    if (address === undefined) {
      this.#answer(() =>
        this.core.handleLeaseDecision(this.#loop.now, request, {
          type: 'refuse',
          reason: 'no free address',
          final: this.refusesForGood,
        }),
      );
      return;
    }
    if (this.leases.has(peerId)) {
      this.faults.push(`second lease for ${peerId}`);
    }
    const rested = this.#loop.now - (this.#endedAt.get(peerId) ?? Number.NEGATIVE_INFINITY);
    if (rested < REST) {
      this.faults.push(`number ${peerId} dealt again after ${rested} ms`);
    }
    this.leases.set(peerId, address);
    const lease: Lease = { ipv4: { address, netmask: '255.255.255.0' }, ipv6: null, push: this.leasePush };
    this.#answer(() => this.core.handleLeaseDecision(this.#loop.now, request, { type: 'lease', lease }));
  }

  #answer(step: () => void): void {
    const { core } = this;
    this.#loop.after(this.answerDelay, () => {
      if (core === this.core && this.#backlog === null) this.run(step);
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

/** Packets for the last owner of a number may be under way for so long. */
const REST = 60_000;

export const unixAt = (now: number): number => 1_700_000_000 + Math.floor(now / 1000);

export const isData = (bytes: Uint8Array): boolean => {
  const opcode = (bytes[0] ?? 0) >> 3;
  return opcode === 6 || opcode === 9;
};
