import type { KeptTls, TlsEngine, TlsSession } from '@shardvpn/core';
import type { TlsOptions } from '../messages.js';
import { chooseEngine, type TlsChoice } from './choose-engine.js';
import { FallbackSession } from './fallback-session.js';
import { NodeTlsEngine } from './node-tls-engine.js';

export interface TlsEnginePorts {
  /** Monotonic, milliseconds. */
  readonly now: () => number;
  readonly warn: (message: string) => void;
}

/** How long OpenSSL does every handshake after a certificate that only it can judge. */
const OPENSSL_MS = 3_600_000;

/**
 * TLS of a shard: of rustls or of OpenSSL, as `tls-engine` says. `auto` loses no client that OpenSSL would take: one whose hello
 * offers nothing that rustls has is handed over within the handshake, and one whose certificate rustls cannot judge meets OpenSSL
 * when it tries again.
 */
export class ShardTlsEngine implements TlsEngine {
  readonly #ports: TlsEnginePorts;
  #options: TlsOptions;
  #choice: TlsChoice;
  /** Made when it is needed first. */
  #openssl: NodeTlsEngine | undefined;
  #opensslUntil = Number.NEGATIVE_INFINITY;

  /** Throws what the engine cannot use. */
  constructor(options: TlsOptions, ports: TlsEnginePorts) {
    this.#ports = ports;
    this.#options = options;
    this.#choice = chooseEngine(options);
    if (this.#choice.engine === 'openssl') this.#openssl = new NodeTlsEngine(options);
  }

  open(role: 'server' | 'client', onProgress: () => void): TlsSession {
    const choice = this.#choice;
    if (role === 'client' || choice.engine === 'openssl') return this.#node().open(role, onProgress);
    if (this.#options.engine === 'rustls') return choice.rustls.open(onProgress);
    if (this.#ports.now() < this.#opensslUntil) {
      const session = this.#openInstead(onProgress);
      if (session !== null) return session;
    }
    return new FallbackSession(choice.rustls.open(onProgress), {
      openInstead: () => this.#openInstead(onProgress),
      handleUnjudged: (reason) => this.#handleUnjudged(reason),
    });
  }

  resume(kept: KeptTls, onProgress: () => void): TlsSession | null {
    return this.#choice.engine === 'rustls' ? this.#choice.rustls.resume(kept, onProgress) : null;
  }

  /** For the handshakes from now on. Throws, and leaves everything as it was, when the engine cannot use it. */
  use(options: TlsOptions): void {
    const choice = chooseEngine(options);
    const openssl = choice.engine === 'openssl' ? new NodeTlsEngine(options) : undefined;
    this.#choice = choice;
    this.#openssl = openssl;
    this.#options = options;
  }

  /** For the handshakes from now on. Throws, and leaves the old list in force, when it is no CRL. */
  setCrl(crl: string): void {
    const before = this.#choice.engine;
    this.use({ ...this.#options, crl });
    const choice = this.#choice;
    if (choice.engine === 'openssl' && before === 'rustls')
      this.#ports.warn(`TLS handshakes by OpenSSL from now on: ${choice.reason}`);
  }

  #node(): NodeTlsEngine {
    this.#openssl ??= new NodeTlsEngine(this.#options);
    return this.#openssl;
  }

  #openInstead(onProgress: () => void): TlsSession | null {
    try {
      return this.#node().open('server', onProgress);
    } catch {
      // rustls takes what OpenSSL cannot: groups that it has not, for example. Then there is no other engine.
      return null;
    }
  }

  #handleUnjudged(reason: string): void {
    const now = this.#ports.now();
    if (now >= this.#opensslUntil)
      this.#ports.warn(
        `a client's certificate is left to OpenSSL, which does the TLS handshakes of the next hour: ${reason}`,
      );
    this.#opensslUntil = now + OPENSSL_MS;
  }
}
