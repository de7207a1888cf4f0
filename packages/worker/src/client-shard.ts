import type { Client, ClientEvent, Millis } from '@shardvpn/core';
import type { ClientStart, FromClient, ToClient } from './client-messages.js';
import { DriveLoop } from './drive-loop.js';

export interface ClientShardPorts {
  /** Makes the protocol; `onTlsProgress` goes into its ports. */
  readonly createClient: (onTlsProgress: () => void) => Pick<Client, keyof Client>;
  /** Monotonic. */
  readonly now: () => Millis;
  readonly post: (message: FromClient) => void;
  readonly wakeDataThread: () => void;
}

/** Drives one `Client`: the counterpart of `Shard` on the other end of the tunnel. */
export class ClientShard {
  readonly #loop: DriveLoop<ClientEvent, Pick<Client, keyof Client>>;
  readonly #post: ClientShardPorts['post'];
  #drained = false;

  constructor(rings: Pick<ClientStart, 'toData' | 'toWorker'>, ports: ClientShardPorts) {
    this.#post = ports.post;
    this.#loop = new DriveLoop<ClientEvent, Pick<Client, keyof Client>>(rings, ports, {
      create: ports.createClient,
      handleEvent: (event) => ports.post({ type: 'event', event }),
      handleDrained: () => this.#tellDrained(),
    });
  }

  /** Something may have come: a turn follows soon. */
  wake(): void {
    this.#loop.wake();
  }

  handleMessage(message: ToClient): void {
    this.#loop.handle((now) => {
      if (message.type === 'exit') this.#loop.protocol.exit(now);
      else this.#loop.protocol.respond(now, message.answer);
    });
  }

  /** No turn runs any more. */
  close(): void {
    this.#loop.close();
  }

  #tellDrained(): void {
    if (this.#drained || !this.#loop.protocol.isEnded) return;
    this.#drained = true;
    this.#post({ type: 'drained' });
  }
}
