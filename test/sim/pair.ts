import {
  type ClientOptions,
  type DataCipher,
  type Generation,
  type Path,
  type PeerCertificate,
  peerInfoOf,
  type ServerOptions,
  type WrapOptions,
} from '@shardvpn/core';
import { createNodeCrypto } from '../support/node-crypto.js';
import { EventLoop } from './event-loop.js';
import { createMemoryTls } from './memory-tls.js';
import type { ModelDataThread } from './model-data-thread.js';
import { Network, type NetworkConditions, PERFECT } from './network.js';
import { SeededRandom } from './seeded-random.js';
import { SimClient } from './sim-client.js';
import { SimServer } from './sim-server.js';
import { type TlsTap, tapped } from './tls-tap.js';

export interface PairOptions {
  readonly seed?: number;
  readonly network?: Partial<NetworkConditions>;
  readonly server?: Partial<ServerOptions>;
  /** Milliseconds between two looks at pings and silence. */
  readonly tick?: number;
  /** Milliseconds that TLS takes for every step; null for at once. */
  readonly tlsDelay?: number | null;
  /** TLS says less than a real one: handshakes of fewer packets. */
  readonly shortFlights?: boolean;
  /** The server's opinion about certificates. */
  readonly verifyClient?: (certificate: PeerCertificate | null) => string | null;
}

export interface JoinOptions {
  readonly name?: string;
  readonly generation?: Generation;
  /** null: the client shows none. */
  readonly certificate?: PeerCertificate | null;
  readonly path?: Path;
  readonly client?: Partial<ClientOptions>;
  /** Sees each TLS session of the client, and may say what the client would not. */
  readonly tap?: TlsTap;
}

/** A server, clients, a network and a clock, all driven by one seed. */
export class Pair {
  readonly loop = new EventLoop();
  readonly random: SeededRandom;
  readonly network: Network;
  readonly server: SimServer;
  readonly clients: SimClient[] = [];
  /** TLS sessions of the server that runs now. */
  serverTls: { readonly live: number } = { live: 0 };
  readonly #serverOptions: ServerOptions;
  readonly #tlsDelay: number | null;
  readonly #shortFlights: boolean;
  readonly #tickEvery: number;

  constructor(options: PairOptions = {}) {
    this.random = new SeededRandom(options.seed ?? 1);
    this.network = new Network(this.loop, this.random, { ...PERFECT, ...options.network });
    this.#tlsDelay = options.tlsDelay ?? null;
    this.#shortFlights = options.shortFlights ?? false;
    this.#tickEvery = options.tick ?? TICK;
    this.#serverOptions = { ...SERVER_OPTIONS, cookieKey: this.random.bytes(32), ...options.server };
    const crypto = createNodeCrypto((length) => this.random.bytes(length));
    this.server = new SimServer(this.loop, this.network, this.#serverOptions, () => {
      const tls = createMemoryTls({
        random: this.random,
        certificate: () => certificateOf('server'),
        verify: options.verifyClient ?? (() => null),
        defer: this.#defer(),
        shortFlights: this.#shortFlights,
      });
      this.serverTls = tls;
      return { crypto, tls };
    });
  }

  /** A new client that starts to connect. */
  join(options: JoinOptions = {}): SimClient {
    const { generation = '2.6', name = `client${this.clients.length + 1}` } = options;
    const dataCiphers = options.client?.dataCiphers ?? this.#serverOptions.dataCiphers;
    const certificate = options.certificate === undefined ? certificateOf(name) : options.certificate;
    const client = new SimClient(
      this.loop,
      this.network,
      options.path ?? this.freshPath(),
      {
        ...CLIENT_OPTIONS,
        wrap: clientWrap(this.#serverOptions.wrap),
        peerInfo: peerInfoOf(generation, dataCiphers),
        promptPushRequest: generation === '2.7' || generation === '2.6',
        ...options.client,
      },
      {
        crypto: createNodeCrypto((length) => this.random.bytes(length)),
        tls: tapped(
          createMemoryTls({
            random: this.random,
            certificate: () => certificate,
            verify: () => null,
            defer: this.#defer(),
            shortFlights: this.#shortFlights,
          }),
          options.tap,
        ),
      },
    );
    this.clients.push(client);
    return client;
  }

  freshPath(): Path {
    return { listener: 0, host: '192.0.2.7', port: 20_000 + this.random.integer(0, 40_000) };
  }

  /** Lets the simulated time pass: pings and silence are looked at four times a second, if nothing else is said. */
  run(milliseconds: number): void {
    this.drive(() => false, milliseconds);
  }

  /** Until `done`, at most so many milliseconds of simulated time; whether it came to that. */
  drive(done: () => boolean, limit = 120_000): boolean {
    const end = this.loop.now + limit;
    while (!done()) {
      const tick = (Math.floor(this.loop.now / this.#tickEvery) + 1) * this.#tickEvery;
      const at = Math.min(this.loop.nextAt ?? end, tick, end);
      this.loop.advance(at);
      if (at === tick) {
        this.#tick();
      }
      if (at >= end) {
        return done();
      }
    }
    return true;
  }

  /** Connects a client, or says what happened instead. */
  connect(options: JoinOptions = {}): SimClient {
    const client = this.join(options);
    this.drive(() => client.isConnected || client.ended !== undefined);
    if (!client.isConnected) {
      throw new Error(`not connected: ${JSON.stringify([client.ended, this.server.events, this.server.core.drops])}`);
    }
    return client;
  }

  /** Everything that must never happen, whatever the network does. */
  faults(): readonly string[] {
    return [
      ...this.server.faults,
      ...this.#threads().flatMap((data) => data.faults),
      ...this.clients.flatMap((client) => this.#mismatches(client)),
    ];
  }

  /** Packets that somebody else's key has sealed: attacks, and late packets for an older owner of an address. */
  get badTags(): number {
    return this.#threads().reduce((sum, data) => sum + data.badTag, 0);
  }

  /** Packets that arrived under a key which the receiver does not have. */
  get unknownKeys(): number {
    return this.#threads().reduce((sum, data) => sum + data.unknownKey, 0);
  }

  #threads(): readonly ModelDataThread[] {
    return [this.server.data, ...this.clients.map(({ data }) => data)];
  }

  /** Key ids that both ends of a connection have, but not as mirror images. */
  #mismatches(client: SimClient): readonly string[] {
    // Whoever comes after a dead one may be the same client to the server, with other keys.
    if (!client.isConnected || client.isDead) {
      return [];
    }
    const { peerId } = client;
    const [near, far] = [client.data, this.server.data];
    return near
      .keysOf(peerId)
      .filter((keyId) => far.keysOf(peerId).includes(keyId))
      .filter(
        (keyId) =>
          near.fingerprint(peerId, keyId, 'seal') !== far.fingerprint(peerId, keyId, 'open') ||
          near.fingerprint(peerId, keyId, 'open') !== far.fingerprint(peerId, keyId, 'seal'),
      )
      .map((keyId) => `key ${keyId} of peer ${peerId} differs`);
  }

  #tick(): void {
    this.server.data.tick();
    for (const client of this.clients) {
      if (!client.isDead) {
        client.data.tick();
      }
    }
  }

  #defer(): ((work: () => void) => void) | null {
    const delay = this.#tlsDelay;
    return delay === null ? null : (work) => this.loop.after(delay, work);
  }
}

const TICK = 250;

export const certificateOf = (name: string): PeerCertificate => ({
  commonName: name,
  subject: `CN=${name}`,
  serial: '01',
  chainHashes: [`hash of ${name}`, 'hash of the CA'],
  notAfter: 2_000_000_000,
});

export const DATA_CIPHERS: readonly DataCipher[] = ['AES-256-GCM', 'AES-128-GCM', 'CHACHA20-POLY1305'];

export const SERVER_OPTIONS: ServerOptions = {
  shard: 1,
  shards: 4,
  wrap: { type: 'none' },
  cookieKey: new Uint8Array(32),
  dataCiphers: DATA_CIPHERS,
  fallbackCipher: null,
  occ: { cipher: 'AES-256-GCM', auth: 'SHA1', tunMtu: 1500 },
  clientCertificate: 'require',
  push: ['route 10.9.0.0 255.255.255.0', 'topology subnet', 'ping 10', 'ping-restart 60'],
  tunMtu: 1500,
  pingInterval: 10,
  pingTimeout: 120,
  handWindow: 60,
  tranWindow: 3600,
  renegSec: 3600,
  tlsTimeout: 2,
  connectFreqInitial: { count: 100, seconds: 10 },
  explicitExitNotify: 1,
  maxPacketSize: 1250,
  maxSessions: 1000,
};

const CLIENT_OPTIONS: ClientOptions = {
  remote: { listener: 0, host: '203.0.113.1', port: 1194 },
  wrap: { type: 'none' },
  dataCiphers: DATA_CIPHERS,
  fallbackCipher: null,
  occ: { cipher: 'AES-256-GCM', auth: 'SHA1', tunMtu: 1500 },
  peerInfo: new Map(),
  credentials: null,
  pullFilters: [],
  pingInterval: 0,
  pingTimeout: 0,
  exitNotify: false,
  promptPushRequest: true,
  connectTimeout: 120,
  handWindow: 60,
  tranWindow: 3600,
  renegSec: 0,
  tlsTimeout: 2,
  maxPacketSize: 1250,
};

/** The client's side of the server's wrapping. */
export const clientWrap = (wrap: WrapOptions): WrapOptions =>
  wrap.type === 'tls-auth' && wrap.direction !== null ? { ...wrap, direction: wrap.direction === 0 ? 1 : 0 } : wrap;
