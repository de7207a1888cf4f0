import { Duplex } from 'node:stream';

export interface MemoryPipeOwner {
  /** Bytes for the peer; they belong to the owner. */
  onWritten(bytes: Uint8Array): void;
  /** Everything has been written, the close_notify too. */
  onFinished(): void;
  /** Runs `deliver`, inside of which TLS works the peer's bytes off. */
  withDelivery(deliver: () => void): void;
}

/** The "network" under node:tls: what TLS writes goes to its owner, what the peer sent is pushed in. */
export class MemoryPipe extends Duplex {
  readonly #owner: MemoryPipeOwner;
  /** Bytes that wait for the stream to flow: pushed earlier, Node would deliver them from a tick of its own. */
  readonly #held: Uint8Array[] = [];
  #flowing = false;

  constructor(owner: MemoryPipeOwner) {
    super();
    this.#owner = owner;
    this.on('resume', () => {
      this.#flowing = true;
      this.#flush();
    });
    this.on('pause', () => {
      this.#flowing = false;
    });
  }

  /** Bytes from the peer; kept. */
  deliver(bytes: Uint8Array): void {
    this.#held.push(bytes);
    if (this.#flowing) this.#flush();
  }

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#owner.onWritten(chunk);
    done();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#owner.onFinished();
    done();
  }

  #flush(): void {
    if (this.#held.length === 0) return;
    this.#owner.withDelivery(() => {
      while (this.#flowing && !this.destroyed) {
        const bytes = this.#held.shift();
        if (bytes === undefined) return;
        this.push(bytes);
      }
    });
  }
}
