import { connect, Socket } from 'node:net';
import type { ForeignStream } from '@shardvpn/native';
import type { ServerConfig } from '../config/server-config.js';
import type { Log } from '../log.js';
import type { NativePort } from '../shards/native-port.js';
import { joinStreams, type TimedStream } from './join-streams.js';

type Target = NonNullable<ServerConfig['portShare']>;

export interface PortSharePorts {
  readonly native: Pick<NativePort, 'sharePort' | 'unsharePort' | 'takeForeign' | 'closeFds'>;
  readonly plane: number;
  readonly log: Log;
}

/** At once; more are closed. */
const MOST_CONNECTIONS = 1024;
const CONNECT_LIMIT_MS = 10_000;
/** Without a byte in either direction. */
const IDLE_LIMIT_MS = 300_000;

/** Joins connections to TCP listeners that are no clients with another server (`port-share`). */
export class PortShare {
  readonly #ports: PortSharePorts;
  readonly #open = new Set<TimedStream>();
  #target: Target | null = null;

  constructor(ports: PortSharePorts) {
    this.#ports = ports;
  }

  /** null: such connections are closed as garbage. Those that are joined stay. */
  set(target: Target | null): void {
    const { native, plane } = this.#ports;
    const was = this.#target;
    this.#target = target;
    if (target !== null && was === null) native.sharePort(plane, () => this.#takeAll());
    if (target === null && was !== null) native.unsharePort(plane);
  }

  close(): void {
    this.set(null);
    for (const socket of this.#open) socket.destroy();
  }

  #takeAll(): void {
    const { native, plane } = this.#ports;
    for (let stream = native.takeForeign(plane); stream !== null; stream = native.takeForeign(plane)) {
      this.#take(stream);
    }
  }

  #take({ fd, bytes, host, port }: ForeignStream): void {
    const { native, log } = this.#ports;
    const target = this.#target;
    if (target === null || this.#open.size >= 2 * MOST_CONNECTIONS) {
      native.closeFds([fd]);
      return;
    }
    log.debug('port-share', { from: `${host}:${port}` });
    let near: Socket;
    try {
      near = new Socket({ fd, readable: true, writable: true, allowHalfOpen: true });
    } catch (error) {
      log.debug(`port-share: ${(error as Error).message}`);
      native.closeFds([fd]);
      return;
    }
    this.#join(near, bytes, target);
  }

  #join(near: Socket, bytes: Uint8Array, target: Target): void {
    const { log } = this.#ports;
    const far = connect({ host: target.host, port: target.port, allowHalfOpen: true });
    this.#open.add(near).add(far);
    joinStreams(near, far, { idle: IDLE_LIMIT_MS, onClose: (socket) => this.#open.delete(socket) });
    far.setTimeout(CONNECT_LIMIT_MS);
    far.once('connect', () => far.setTimeout(IDLE_LIMIT_MS));
    far.once('error', (error) => log.debug(`port-share: ${error.message}`));
    far.write(bytes);
  }
}
