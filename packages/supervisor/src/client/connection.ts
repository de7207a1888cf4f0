import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { ClientEvent } from '@shardvpn/core';
import { createRing } from '@shardvpn/ring';
import type { ClientStart, FromClient, ToClient } from '@shardvpn/worker';
import type { Log } from '../log.js';
import { watchFaults } from '../shards/fault-watch.js';
import { within } from '../shards/shard-handle.js';
import type { ClientNative } from './client-native.js';
import { clientOptions, type IdentifiedProfile, type ServerAddress } from './client-options.js';
import type { ClientProfile } from './profile.js';

export type { ServerAddress };

/** One connection to one server: socket, data thread and worker, from the first packet to the last. */
export interface Connection {
  /** Tells the server, waits at most that long for its word, and frees everything. */
  leave(limitMs: number): Promise<void>;
  /** The user's answer to a question of the server, in base64. */
  respond(answer: string): void;
  /** Frees everything once the last acks are sent. */
  close(): Promise<void>;
}

export interface ConnectionHandlers {
  readonly onEvent: (event: ClientEvent) => void;
  /** The worker has failed; no event follows. */
  readonly onFault: (reason: string) => void;
}

/** Opens the socket and starts to connect. Throws what the system refuses. `tun` is the device's queue. */
export const openConnection = (
  native: ClientNative,
  profile: IdentifiedProfile,
  server: ServerAddress,
  tun: number,
  log: Log,
  handlers: ConnectionHandlers,
): Connection => {
  const fd = openSocket(native, profile, server, log);
  const plane = native.createPlane({
    role: 'client',
    shards: 1,
    clientToClient: false,
    mssfix: profile.mssfix,
    mssfixOf: profile.mssfixOf,
    tunMtu: profile.tunMtu,
    maxPeers: 1,
  });
  // How long the server may take is the worker's affair.
  native.limitStreams(plane, QUEUE_LIMIT, LONGEST_MS, 1);
  native.setWays(plane, false, profile.passtos);
  const [toData, toWorker] = [createRing(CONTROL_RING_BYTES), createRing(CONTROL_RING_BYTES)];
  native.startShard(plane, {
    shard: 0,
    udp: [fd],
    tun,
    toData: new Uint8Array(toData),
    toWorker: new Uint8Array(toWorker),
    hopIn: [null],
    hopOut: [null],
  });
  const endWatch = watchFaults(native, { plane, shards: 1 }, log);
  const worker = startWorker({ client: clientOptions(profile, server), tls: profile.tls, plane, toData, toWorker });
  return new RunningConnection(worker, handlers, () => {
    endWatch();
    native.destroyPlane(plane);
    native.closeFds([fd]);
  });
};

/** A UDP socket, or a TCP connection that is being made. */
const openSocket = (native: ClientNative, profile: ClientProfile, server: ServerAddress, log: Log): number => {
  const { host, port } = server;
  const { localHost, localPort, rcvbuf: receiveBuffer, sndbuf: sendBuffer } = profile;
  const ownSocket = { ...profile.socket, tellLocal: false };
  const options = { host, port, localHost, localPort, receiveBuffer, sendBuffer, socket: ownSocket };
  const socket = server.transport === 'tcp' ? native.openTcpClient(options) : native.openUdpClient(options);
  const { fd, localHost: from, localPort: fromPort, ...rest } = socket;
  log.debug(`${server.transport ?? 'udp'} socket`, { from, port: fromPort, ...rest });
  return fd;
};

/** OpenVPN's default of tcp-queue-limit. */
const QUEUE_LIMIT = 64;
const LONGEST_MS = 2 ** 31 - 1;
const CONTROL_RING_BYTES = 1 << 20;
/** For the last acks and alerts of a connection that has ended. */
const CLOSE_LIMIT_MS = 1_200;

class RunningConnection implements Connection {
  readonly #worker: Worker;
  readonly #free: () => void;
  readonly #drained: Promise<void>;
  #closing = false;

  constructor(worker: Worker, { onEvent, onFault }: ConnectionHandlers, free: () => void) {
    this.#worker = worker;
    this.#free = free;
    let reason: string | undefined;
    worker.on('error', (error) => {
      reason = error.stack ?? error.message;
    });
    this.#drained = new Promise((resolve) => {
      worker.on('message', (message: FromClient) => {
        if (message.type === 'drained') resolve();
        else onEvent(message.event);
      });
      worker.on('exit', (code) => {
        resolve();
        if (!this.#closing) onFault(reason ?? `the worker ended with code ${code}`);
      });
    });
  }

  respond(answer: string): void {
    const message: ToClient = { type: 'respond', answer };
    this.#worker.postMessage(message);
  }

  async leave(limitMs: number): Promise<void> {
    const message: ToClient = { type: 'exit' };
    this.#worker.postMessage(message);
    await this.#end(limitMs);
  }

  async close(): Promise<void> {
    await this.#end(CLOSE_LIMIT_MS);
  }

  async #end(limitMs: number): Promise<void> {
    if (this.#closing) return;
    await within(this.#drained, limitMs);
    this.#closing = true;
    await this.#worker.terminate();
    this.#free();
  }
}

const startWorker = (start: ClientStart): Worker =>
  new Worker(new URL('./client-entry.js', ENTRY_PACKAGE), { workerData: start, name: 'client' });

const ENTRY_PACKAGE = `file://${createRequire(import.meta.url).resolve('@shardvpn/worker')}`;
