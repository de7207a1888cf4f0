import type { PeerId } from '../ids.js';
import type { CryptoProvider, TlsEngine } from '../ports.js';

/** What a `Server` or `Client` is given besides options and time. */
export interface ServerPorts {
  readonly crypto: CryptoProvider;
  readonly tls: TlsEngine;
  /** An asynchronous engine has news: call `handleTls` soon. Never called from inside a call of the server. */
  readonly onTlsProgress: () => void;
  /** Which connected client the server is busy with from now on, null for none: a fault that ends it is that client's. */
  readonly onBusyWith?: (peerId: PeerId | null) => void;
}
