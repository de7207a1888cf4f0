import type { TlsEngine, TlsEvent, TlsSession } from '../../packages/core/src/ports.js';

/** A client and a server session of two engines whose ciphertext is carried to and fro until nothing happens any more. */
export class TlsPair {
  readonly server: TlsEnd;
  readonly client: TlsEnd;

  /** `cut`: ciphertext travels in pieces of at most that many bytes. */
  constructor(server: TlsEngine, client: TlsEngine, cut = 1200) {
    this.server = new TlsEnd(server, 'server', (bytes) => this.client.feed(bytes, cut));
    this.client = new TlsEnd(client, 'client', (bytes) => this.server.feed(bytes, cut));
    this.client.drain();
  }

  established(): Promise<void> {
    return this.until(() => this.server.established !== undefined && this.client.established !== undefined);
  }

  /** Throws when it does not come true within 250 s: a busy machine takes its time. */
  async until(condition: () => boolean): Promise<void> {
    const end = performance.now() + 250_000;
    while (!condition()) {
      if (performance.now() > end)
        throw new Error(`nothing more happens: server ${this.server.state}, client ${this.client.state}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  destroy(): void {
    this.server.session.destroy();
    this.client.session.destroy();
  }
}

class TlsEnd {
  readonly session: TlsSession;
  readonly order: TlsEvent['type'][] = [];
  readonly plaintexts: Uint8Array[] = [];
  established: Extract<TlsEvent, { type: 'established' }> | undefined;
  failed: string | undefined;
  readonly #deliver: (bytes: Uint8Array) => void;

  constructor(engine: TlsEngine, role: 'server' | 'client', deliver: (bytes: Uint8Array) => void) {
    this.#deliver = deliver;
    this.session = engine.open(role, () => this.drain());
  }

  feed(bytes: Uint8Array, cut: number): void {
    for (let at = 0; at < bytes.length; at += cut) this.session.feed(bytes.subarray(at, at + cut));
  }

  drain(): void {
    for (let event = this.session.poll(); event !== undefined; event = this.session.poll()) {
      this.order.push(event.type);
      if (event.type === 'ciphertext') this.#deliver(event.bytes);
      else if (event.type === 'plaintext') this.plaintexts.push(Uint8Array.from(event.bytes));
      else if (event.type === 'established') this.established = event;
      else this.failed = event.reason;
    }
  }

  get state(): string {
    return `${this.failed ?? 'alive'} after ${this.order.join(' ')}`;
  }
}
