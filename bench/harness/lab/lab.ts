import { execFileSync } from 'node:child_process';
import { Abortable } from './abortable.js';
import { Host } from './host.js';
import type { Running } from './running.js';
import { prefixOf, sweep } from './sweep.js';

let serial = 0;

/** The server's device on the path to client `number`. */
export const towards = (number: number): string => `veth${number}`;

/**
 * The network of one scenario: a server's namespace, and clients' namespaces, each joined to it by a veth of its own.
 * There is no bridge between them, so that a packet costs what it costs on a wire; all of it goes away with `close`.
 */
export class Lab extends Abortable {
  readonly server: Host;
  readonly #clients: Host[] = [];
  readonly #running = new Set<Running>();
  readonly #prefix = `${prefixOf(process.pid)}${++serial}-`;

  constructor(
    /** Keys, configurations and logs. */
    readonly folder: string,
    signal: AbortSignal,
  ) {
    super(signal);
    this.server = this.#namespace('s', '127.0.0.1');
  }

  /** The namespace of client `number`, counted from 0; made at the first use. */
  client(number: number): Host {
    const known = this.#clients[number];
    if (known) return known;
    if (number > 62) throw new Error('192.0.2.0/24 has room for 63 clients with an address');
    const [near, far] = [`192.0.2.${number * 4 + 1}`, `192.0.2.${number * 4 + 2}`];
    const host = this.#namespace(`c${number}`, near);
    const device = towards(number);
    this.server.ip('link', 'add', device, 'type', 'veth', 'peer', 'name', 'veth0', 'netns', host.namespace);
    for (const [end, name, address] of [
      [this.server, device, near],
      [host, 'veth0', far],
    ] as const) {
      end.ip('addr', 'add', `${address}/30`, 'dev', name);
      end.ip('link', 'set', name, 'up');
    }
    this.#clients[number] = host;
    return host;
  }

  /** Ends every process, the newest first; the network stays. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.#running].reverse().map((running) => running.stop()));
  }

  async close(): Promise<void> {
    await this.stopAll();
    sweep(this.#prefix);
  }

  #namespace(name: string, serverAddress: string): Host {
    const host = new Host(`${this.#prefix}${name}`, serverAddress, this.folder, this.signal, this.#running);
    execFileSync('ip', ['netns', 'add', host.namespace]);
    host.ip('link', 'set', 'lo', 'up');
    return host;
  }
}
