import { VpnError } from '@shardvpn/core';
import type { TlsOptions } from '../messages.js';
import { RustlsEngine } from './rustls-engine.js';

/** The engine for the handshakes of a server, and why it is not the other one. */
export type TlsChoice =
  | { readonly engine: 'rustls'; readonly rustls: RustlsEngine }
  | { readonly engine: 'openssl'; readonly reason: string };

/** `tls-engine`: auto is rustls where it can do what the options ask for. Throws when it has to be rustls and cannot be. */
export function chooseEngine(options: TlsOptions): TlsChoice {
  const { engine = 'openssl' } = options;
  if (engine === 'openssl') return { engine, reason: 'as tls-engine says' };
  try {
    return { engine: 'rustls', rustls: new RustlsEngine(options) };
  } catch (error) {
    const reason = (error as Error).message;
    if (engine === 'auto') return { engine: 'openssl', reason };
    throw new VpnError('config/tls-engine', `tls-engine rustls: ${reason}; write: tls-engine auto`);
  }
}
