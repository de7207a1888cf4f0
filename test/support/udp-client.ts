import type { Socket } from 'node:dgram';
import { Client, type ClientEvent, type DataCommand, peerInfoOf, type TlsEngine } from '@shardvpn/core';
import { createNodeCrypto } from './node-crypto.js';

/** A client of the 2.6 kind on a connected UDP socket and the real clock; it has no data channel. */
export class UdpClient {
  readonly events: ClientEvent[] = [];
  readonly commands: DataCommand[] = [];
  readonly #socket: Socket;
  readonly #client: Client;
  #timer: NodeJS.Timeout | undefined;
  #changed: () => void = () => undefined;

  constructor(socket: Socket, tls: TlsEngine) {
    const { address: host, port } = socket.remoteAddress();
    this.#socket = socket;
    this.#client = new Client(
      {
        remote: { listener: 0, host, port },
        wrap: { type: 'none' },
        dataCiphers: ['AES-256-GCM'],
        fallbackCipher: null,
        occ: { cipher: 'AES-256-GCM', auth: 'SHA1', tunMtu: 1500 },
        peerInfo: peerInfoOf('2.6', ['AES-256-GCM']),
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
      },
      {
        crypto: createNodeCrypto(),
        tls,
        onTlsProgress: () => setImmediate(() => this.#turn((client, now) => client.handleTls(now))),
      },
      performance.now(),
      Math.floor(Date.now() / 1000),
    );
    socket.on('message', (bytes) =>
      this.#turn((client, now) => client.handleDatagram(now, { listener: 0, host, port }, bytes)),
    );
    this.#turn(() => undefined);
  }

  renegotiate(): void {
    this.#turn((client, now) => client.renegotiate(now));
  }

  exit(): void {
    this.#turn((client, now) => client.exit(now));
  }

  /** The first event of this type, now or later. */
  event<T extends ClientEvent['type']>(type: T): Promise<Extract<ClientEvent, { type: T }>> {
    return new Promise((resolve) => {
      this.#changed = () => {
        const found = this.events.find((event): event is Extract<ClientEvent, { type: T }> => event.type === type);
        if (found !== undefined) resolve(found);
      };
      this.#changed();
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#socket.removeAllListeners('message');
  }

  #turn(act: (client: Client, now: number) => void): void {
    const client = this.#client;
    act(client, performance.now());
    for (let command = client.pollCommand(); command !== undefined; command = client.pollCommand())
      this.commands.push(command);
    for (let transmit = client.pollTransmit(); transmit !== undefined; transmit = client.pollTransmit())
      this.#socket.send(transmit.bytes);
    for (let event = client.pollEvent(); event !== undefined; event = client.pollEvent()) this.events.push(event);
    clearTimeout(this.#timer);
    const timeout = client.pollTimeout();
    const delay = timeout && Math.max(Math.ceil(timeout.at - performance.now()), 0);
    if (delay !== undefined) this.#timer = setTimeout(() => this.#turn((due, now) => due.handleTimeout(now)), delay);
    this.#changed();
  }
}
