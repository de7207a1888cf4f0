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
import { CertificateAuthorities } from './certificate-chain.js';
import { NodeTlsSession, type TlsPolicy } from './node-tls-session.js';
import { PeerCertificateReader } from './peer-certificate.js';
import { secureContextOptions } from './secure-context-options.js';
import { handshakeReason } from './verify-reason.js';

/** Longest timer: the protocol's hand-window ends a slow handshake, not Node. */
const NEVER = 2 ** 31 - 1;

/**
 * TLS by OpenSSL through node:tls. All sessions share one context; nothing listens anywhere.
 * A raw server-side TLSSocket would not verify certificates, hence a server that is handed its connections.
 */
export class NodeTlsEngine implements TlsEngine {
  readonly #options: TlsOptions;
  readonly #policy: TlsPolicy;
  readonly #server: Server;
  #crl: string | null;
  /** Made at the first client session: servers never need it. */
  #clientContext: SecureContext | undefined;
  /** The events of a TLS server do not say over which stream a socket runs, but they happen in the context that handed the stream over. */
  readonly #owner = new AsyncLocalStorage<NodeTlsSession>();

  /** Throws what OpenSSL says about certificate, key, CA, CRL or lists that it cannot use. */
  constructor(options: TlsOptions) {
    this.#options = options;
    this.#crl = options.crl;
    this.#server = createServer({
      ...secureContextOptions(options, options.crl),
      requestCert: options.clientCertificate !== 'none',
      // The handshake goes on, so that the log can name the reason; the session refuses what did not verify.
      rejectUnauthorized: false,
      handshakeTimeout: NEVER,
    });
    const { clientCertificate, remoteCertTls, verifyName = null } = options;
    this.#policy = {
      clientCertificate,
      verifyName,
      certificates: new PeerCertificateReader(new CertificateAuthorities(options.ca), remoteCertTls),
    };
    this.#server.on('secureConnection', (socket) => this.#handleSecure(socket));
    this.#server.on('tlsClientError', (error, socket) => this.#handleError(error, socket));
  }

  open(role: 'server' | 'client', onProgress: () => void): TlsSession {
    const session = new NodeTlsSession(role, this.#policy, onProgress);
    if (role === 'server') this.#owner.run(session, () => this.#server.emit('connection', session.pipe));
    else this.#connect(session);
    return session;
  }

  /** For the handshakes from now on. Throws, and leaves the old list in force, when it is no CRL. */
  setCrl(crl: string): void {
    this.#server.setSecureContext(secureContextOptions(this.#options, crl));
    this.#crl = crl;
    this.#clientContext = undefined;
  }

  #connect(session: NodeTlsSession): void {
    this.#clientContext ??= createSecureContext(secureContextOptions(this.#options, this.#crl));
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
