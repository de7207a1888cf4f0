import type { TlsEngine, TlsSession } from '@shardvpn/core';

/**
 * The TLS engine of one client that gives its session's memory back once the data keys exist: a renegotiation opens
 * another one, and what the server says on the old one (that it restarts, for example) shows as silence.
 */
export class ReleasableTls implements TlsEngine {
  readonly #engine: TlsEngine;
  #open: ReleasableSession | undefined;

  constructor(engine: TlsEngine) {
    this.#engine = engine;
  }

  open(role: 'server' | 'client', onProgress: () => void): TlsSession {
    this.#open = new ReleasableSession(this.#engine.open(role, onProgress));
    return this.#open;
  }

  /** Frees the session that was opened last. */
  release(): void {
    this.#open?.destroy();
    this.#open = undefined;
  }
}

class ReleasableSession implements TlsSession {
  #session: TlsSession | undefined;

  constructor(session: TlsSession) {
    this.#session = session;
  }

  feed(bytes: Uint8Array): void {
    this.#session?.feed(bytes);
  }

  send(plaintext: Uint8Array): void {
    this.#session?.send(plaintext);
  }

  poll(): ReturnType<TlsSession['poll']> {
    return this.#session?.poll();
  }

  exportKeyingMaterial(label: string, length: number): Uint8Array | null {
    return this.#session?.exportKeyingMaterial(label, length) ?? null;
  }

  destroy(): void {
    this.#session?.destroy();
    this.#session = undefined;
  }
}
