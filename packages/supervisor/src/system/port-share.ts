import { Socket } from 'node:net';
import type { ForeignStream } from '@shardvpn/native';
import type { Log } from '../log.js';
import type { NativePort } from '../shards/native-port.js';
import { SharedStreams, type ShareTarget } from './shared-streams.js';

export interface PortSharePorts {
  readonly native: Pick<NativePort, 'sharePort' | 'unsharePort' | 'takeForeign' | 'closeFds'>;
  readonly plane: number;
  readonly log: Log;
}

/** Joins connections to TCP listeners that are no clients with another server (`port-share`). */
export class PortShare {
  readonly #ports: PortSharePorts;
  readonly #streams: SharedStreams;
  #target: ShareTarget | null = null;

  constructor(ports: PortSharePorts) {
    this.#ports = ports;
    this.#streams = new SharedStreams(ports.log);
  }

  /** null: such connections are closed as garbage. Those that are joined stay. */
  set(target: ShareTarget | null): void {
    const { native, plane } = this.#ports;
    const was = this.#target;
    this.#target = target;
    if (target !== null && was === null) native.sharePort(plane, () => this.#takeAll());
    if (target === null && was !== null) native.unsharePort(plane);
  }

  close(): void {
    this.set(null);
    this.#streams.close();
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
    if (target === null) {
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
    this.#streams.join(near, bytes, target);
  }
}
