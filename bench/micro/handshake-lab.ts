import {
  Client,
  type ClientOptions,
  type Path,
  type PeerId,
  Server,
  type ServerEvent,
  type ServerOptions,
  type TlsEngine,
} from '@shardvpn/core';
import { nodeCrypto } from '@shardvpn/worker';
import { ReleasableTls } from '../load/releasable-tls.js';

interface End<Options> {
  readonly options: Options;
  readonly tls: TlsEngine;
}

/** A server that clients connect to, one after the other, without sockets: datagrams go from hand to hand. */
export class HandshakeLab {
  readonly #client: End<ClientOptions>;
  readonly #server: Server;
  #serverHasTls = false;
  #connected: PeerId | null = null;
  #port = 1024;

  constructor(server: End<ServerOptions>, client: End<ClientOptions>) {
    this.#client = client;
    const onTlsProgress = (): void => {
      this.#serverHasTls = true;
    };
    this.#server = new Server(server.options, { crypto: nodeCrypto, tls: server.tls, onTlsProgress }, now(), unix());
  }

  /** Until both sides have their keys; then the server forgets the client. */
  async connect(): Promise<void> {
    const tls = new ReleasableTls(this.#client.tls);
    let hasTls = false;
    const onTlsProgress = (): void => {
      hasTls = true;
    };
    const client = new Client(this.#client.options, { crypto: nodeCrypto, tls, onTlsProgress }, now(), unix());
    this.#port = this.#port === 65_535 ? 1024 : this.#port + 1;
    const path: Path = { listener: 0, host: '192.0.2.2', port: this.#port };
    this.#connected = null;
    while (!client.isConnected || this.#connected === null) {
      if (client.isEnded) throw new Error(`not connected: ${JSON.stringify(client.pollEvent())}`);
      if (hasTls) {
        hasTls = false;
        client.handleTls(now());
      }
      if (this.#serverHasTls) {
        this.#serverHasTls = false;
        this.#server.handleTls(now());
      }
      // The engine's news come in turns of the event loop.
      if (!this.#carry(client, path)) await new Promise((resolve) => setImmediate(resolve));
    }
    tls.release();
    this.#server.disconnect(now(), this.#connected, 'kicked', '');
    this.#carry(client, path);
  }

  /** Carries what both have to say; false: nothing. */
  #carry(client: Client, path: Path): boolean {
    let worked = false;
    while (client.pollCommand() !== undefined) worked = true;
    while (this.#server.pollCommand() !== undefined) worked = true;
    for (let sent = client.pollTransmit(); sent !== undefined; sent = client.pollTransmit()) {
      this.#server.handleDatagram(now(), path, sent.bytes);
      worked = true;
    }
    for (let sent = this.#server.pollTransmit(); sent !== undefined; sent = this.#server.pollTransmit()) {
      client.handleDatagram(now(), this.#client.options.remote, sent.bytes);
      worked = true;
    }
    for (let event = this.#server.pollEvent(); event !== undefined; event = this.#server.pollEvent()) {
      this.#answer(event);
      worked = true;
    }
    return worked;
  }

  #answer(event: ServerEvent): void {
    if (event.type === 'authenticate') {
      this.#server.handleAuthDecision(now(), event.request, { type: 'accept' });
    } else if (event.type === 'lease') {
      const lease = { ipv4: { address: '10.8.0.2', netmask: '255.255.255.0' }, ipv6: null, push: [] };
      this.#server.handleLeaseDecision(now(), event.request, { type: 'lease', lease });
    } else if (event.type === 'connected') {
      this.#connected = event.client.peerId;
    }
  }
}

const now = (): number => performance.now();
const unix = (): number => Math.floor(Date.now() / 1000);
