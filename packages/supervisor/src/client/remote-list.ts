import { lookup } from 'node:dns/promises';
import { parseAddress } from '../registry/ip-address.js';
import type { ServerAddress } from './connection.js';
import type { Remote } from './profile.js';

/** Addresses of a name in the order of preference; rejects when there are none. */
export type Resolve = (host: string, family: 4 | 6 | null) => Promise<readonly string[]>;

/** The servers of a profile, tried in turn with all addresses of their names. */
export class RemoteList {
  readonly #remotes: readonly Remote[];
  readonly #resolve: Resolve;
  #next = 0;
  #waiting: ServerAddress[] = [];

  constructor(remotes: readonly Remote[], resolve: Resolve = resolveName) {
    this.#remotes = remotes;
    this.#resolve = resolve;
  }

  get count(): number {
    return this.#remotes.length;
  }

  /** The next address to try. Rejects when the name of the next server is not known; the one after it comes next then. */
  async take(): Promise<ServerAddress> {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) return waiting;
    const { host, family, ...rest } = this.#remotes[this.#next % this.#remotes.length] as Remote;
    this.#next += 1;
    const hosts = parseAddress(host) === undefined ? await this.#resolve(host, family) : [host];
    const [first, ...others] = hosts.map((address) => ({ ...rest, host: address }));
    if (first === undefined) throw new Error(`${host} has no address`);
    this.#waiting = others;
    return first;
  }

  /** What is left of the addresses of the latest server is not tried. */
  skipAddresses(): void {
    this.#waiting = [];
  }

  /** This one worked: it is tried first when the connection is lost. */
  prefer(server: ServerAddress): void {
    this.#waiting.unshift(server);
  }
}

const resolveName: Resolve = async (host, family) => {
  const found = await lookup(host, { all: true, ...(family === null ? {} : { family }) });
  return found.map(({ address }) => address);
};
