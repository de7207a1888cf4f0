import type { CryptoProvider, TlsEngine } from '../ports.js';

/** What a `Server` or `Client` is given besides options and time. */
export interface ServerPorts {
  readonly crypto: CryptoProvider;
  readonly tls: TlsEngine;
  /** An asynchronous engine has news: call `handleTls` soon. Never called from inside a call of the server. */
  readonly onTlsProgress: () => void;
}
