import { AsyncLocalStorage } from 'node:async_hooks';
import {
  connect,
  createSecureContext,
  createServer,
  type DetailedPeerCertificate,
  type SecureContext,
  type Server,
  type TLSSocket,
} from 'node:tls';
import { type TlsEngine, type TlsSession, VpnError } from '@shardvpn/core';
import type { TlsOptions } from '../messages.js';
import { NodeTlsSession } from './node-tls-session.js';
import { secureContextOptions } from './secure-context-options.js';
import { TlsPolicy } from './tls-policy.js';
import { handshakeReason } from './verify-reason.js';

/** Longest timer: the protocol's hand-window ends a slow handshake, not Node. */
const NEVER = 2 ** 31 - 1;

/**
 * TLS by OpenSSL through node:tls. All sessions share one context; nothing listens anywhere. A new configuration is a new engine.
 * A raw server-side TLSSocket would not verify certificates, hence a server that is handed its connections.
 */
export class NodeTlsEngine implements TlsEngine {
  readonly #options: TlsOptions;
  readonly #policy: TlsPolicy;
  readonly #server: Server;
  /** Made at the first client session: servers never need it. */
  #clientContext: SecureContext | undefined;
  /** The events of a TLS server do not say over which stream a socket runs, but they happen in the context that handed the stream over. */
  readonly #owner = new AsyncLocalStorage<NodeTlsSession>();

  /** Throws what OpenSSL says about certificate, key, CA, CRL or lists that it cannot use. */
  constructor(options: TlsOptions) {
    this.#server = this.#createServer(options);
    this.#policy = new TlsPolicy(options);
    this.#options = options;
  }

  open(role: 'server' | 'client', onProgress: () => void): TlsSession {
    const session = new NodeTlsSession(role, this.#policy, onProgress);
    if (role === 'server') this.#owner.run(session, () => this.#server.emit('connection', session.pipe));
    else this.#connect(session);
    return session;
  }

  #createServer(options: TlsOptions): Server {
    const server = createServer({
      ...secureContextOptions(options),
      requestCert: options.clientCertificate !== 'none',
      // The handshake goes on, so that the log can name the reason; the session refuses what did not verify.
      rejectUnauthorized: false,
      handshakeTimeout: NEVER,
    });
    server.on('secureConnection', (socket) => this.#handleSecure(socket));
    server.on('tlsClientError', (error, socket) => this.#handleError(error, socket));
    return server;
  }

  #connect(session: NodeTlsSession): void {
    this.#clientContext ??= createSecureContext(secureContextOptions(this.#options));
    const socket = connect({
      secureContext: this.#clientContext,
      socket: session.pipe,
      rejectUnauthorized: false,
      // The name in a server's certificate is checked by `verify-x509-name`, not by TLS.
      checkServerIdentity: () => undefined,
    });
    // Node would convert the whole chain for `checkServerIdentity`, which takes a sixth of a client's handshake.
    socket.getPeerCertificate = withoutCertificate;
    session.attach(socket);
    socket.on('secureConnect', () => session.handleEstablished());
  }

  #handleSecure(socket: TLSSocket): void {
    const session = this.#owner.getStore();
    if (session === undefined)
      throw new VpnError('internal/tls-socket-without-owner', 'a TLS socket has lost its session');
    session.attach(socket);
    session.handleEstablished();
  }

  /** Also the last word of a connection that was destroyed during its handshake; nobody waits for that. */
  #handleError(error: Error, socket: TLSSocket): void {
    socket.on('error', () => undefined);
    this.#owner.getStore()?.fail(handshakeReason(error));
  }
}

const withoutCertificate = (): DetailedPeerCertificate => ({}) as DetailedPeerCertificate;
