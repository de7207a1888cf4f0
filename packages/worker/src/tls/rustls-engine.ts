import type { KeptTls } from '@shardvpn/core';
import { TlsServer, TlsServerSession } from '@shardvpn/native';
import type { TlsOptions } from '../messages.js';
import { rustlsOptions } from './rustls-options.js';
import { RustlsSession } from './rustls-session.js';
import { TlsPolicy } from './tls-policy.js';

/** TLS of a server by rustls in the native core. A new configuration is a new engine. */
export class RustlsEngine {
  readonly #server: TlsServer;
  readonly #policy: TlsPolicy;

  /** Throws what rustls has not, `ENOTSUP`, and what is no certificate, key or CRL. */
  constructor(options: TlsOptions) {
    this.#server = new TlsServer(rustlsOptions(options));
    this.#policy = new TlsPolicy(options);
  }

  open(onProgress: () => void): RustlsSession {
    return new RustlsSession(this.#server.open(), this.#policy, this.#server.signsSlowly, onProgress);
  }

  /** Certificates are judged by this engine's policy from now on. */
  resume(kept: KeptTls, onProgress: () => void): RustlsSession | null {
    return kept instanceof TlsServerSession ? RustlsSession.resume(kept, this.#policy, onProgress) : null;
  }
}
