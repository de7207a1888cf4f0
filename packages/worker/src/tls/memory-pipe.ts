import { Duplex } from 'node:stream';

export interface MemoryPipeOwner {
  /** Bytes for the peer; they belong to the owner. */
  onWritten(bytes: Uint8Array): void;
  /** Everything has been written, the close_notify too. */
  onFinished(): void;
}

/** The "network" under node:tls: what TLS writes goes to its owner, and what the peer sent is pushed in. */
export class MemoryPipe extends Duplex {
  readonly #owner: MemoryPipeOwner;

  constructor(owner: MemoryPipeOwner) {
    super();
    this.#owner = owner;
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
}
