import type { KeptTls, TlsEvent, TlsSession } from '@shardvpn/core';
import type { RustlsSession } from './rustls-session.js';

export interface Fallback {
  /** A session of OpenSSL in place of the one that could not take the client's hello, null when there is none to be had. */
  readonly openInstead: () => TlsSession | null;
  /** The client's certificate is one that only OpenSSL can judge; for this session it is too late. */
  readonly handleUnjudged: (reason: string) => void;
}

/** A session of rustls that becomes one of OpenSSL while the client does not know yet. */
export class FallbackSession implements TlsSession {
  readonly #fallback: Fallback;
  #session: TlsSession;
  /** Absent from when on the outcome is certain. */
  #rustls: RustlsSession | undefined;
  /** What the client has sent, until the first answer. */
  #hello: Uint8Array[] = [];

  constructor(session: RustlsSession, fallback: Fallback) {
    this.#session = session;
    this.#rustls = session;
    this.#fallback = fallback;
  }

  feed(bytes: Uint8Array): void {
    if (this.#rustls !== undefined && !this.#rustls.hasAnswered) this.#hello.push(new Uint8Array(bytes));
    this.#session.feed(bytes);
  }

  send(plaintext: Uint8Array): void {
    this.#session.send(plaintext);
  }

  poll(): TlsEvent | undefined {
    if (this.#rustls !== undefined) this.#look(this.#rustls);
    const event = this.#session.poll();
    if (event?.type === 'established') this.#settle();
    else if (event?.type === 'failed' && this.#rustls?.wantsOpenssl === 'certificate') {
      this.#settle();
      this.#fallback.handleUnjudged(event.reason);
    }
    return event;
  }

  exportKeyingMaterial(label: string, length: number): Uint8Array | null {
    return this.#session.exportKeyingMaterial(label, length);
  }

  get kept(): KeptTls | null {
    return this.#session.kept ?? null;
  }

  destroy(): void {
    this.#settle();
    this.#session.destroy();
  }

  #look(rustls: RustlsSession): void {
    if (rustls.wantsOpenssl === 'hello') this.#replace(rustls);
    else if (rustls.hasAnswered) this.#hello = [];
  }

  #replace(rustls: RustlsSession): void {
    const openssl = this.#fallback.openInstead();
    if (openssl !== null) {
      rustls.destroy();
      this.#session = openssl;
      for (const bytes of this.#hello) openssl.feed(bytes);
    }
    this.#settle();
  }

  #settle(): void {
    this.#rustls = undefined;
    this.#hello = [];
  }
}
