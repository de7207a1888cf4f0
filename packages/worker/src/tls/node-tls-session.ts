import type { TLSSocket } from 'node:tls';
import { type TlsEvent, type TlsSession, VpnError } from '@shardvpn/core';
import { MemoryPipe, type MemoryPipeOwner } from './memory-pipe.js';
import type { ShownCertificate } from './peer-certificate.js';
import type { TlsPolicy } from './tls-policy.js';
import { handshakeReason, verifyReason } from './verify-reason.js';

/** One TLS session over a pipe. The engine makes the socket and calls `attach`, `handleEstablished` and `fail`. */
export class NodeTlsSession implements TlsSession, MemoryPipeOwner {
  readonly pipe = new MemoryPipe(this);
  readonly #role: 'server' | 'client';
  readonly #policy: TlsPolicy;
  readonly #onProgress: () => void;
  readonly #events: TlsEvent[] = [];
  readonly #outgoing: Uint8Array[] = [];
  #socket: TLSSocket | undefined;
  #state: 'handshake' | 'established' | 'ending' | 'failed' | 'destroyed' = 'handshake';
  #failure = '';
  #writing = false;
  #notifying = false;

  constructor(role: 'server' | 'client', policy: TlsPolicy, onProgress: () => void) {
    this.#role = role;
    this.#policy = policy;
    this.#onProgress = onProgress;
  }

  feed(bytes: Uint8Array): void {
    if (this.#state !== 'handshake' && this.#state !== 'established') return;
    if (bytes.length > 0) this.pipe.push(Buffer.from(bytes));
  }

  send(plaintext: Uint8Array): void {
    if (this.#state === 'handshake')
      throw new VpnError('api-misuse/tls-not-established', 'send before the TLS handshake is done');
    if (this.#state !== 'established') return;
    this.#outgoing.push(Uint8Array.from(plaintext));
    this.#writeNext();
  }

  poll(): TlsEvent | undefined {
    return this.#events.shift();
  }

  exportKeyingMaterial(label: string, length: number): Uint8Array | null {
    if (this.#socket === undefined || this.#state === 'handshake') {
      throw new VpnError('api-misuse/tls-not-established', 'no keying material: the TLS session is not established');
    }
    if (this.#state !== 'established' || this.#socket.destroyed) return null;
    // "No context" and an empty context differ in TLS 1.2; Node's types demand one. [wire 11.2]
    const exporter = this.#socket as unknown as { exportKeyingMaterial(length: number, label: string): Buffer };
    return new Uint8Array(exporter.exportKeyingMaterial(length, label));
  }

  destroy(): void {
    if (this.#state === 'destroyed') return;
    this.#state = 'destroyed';
    this.#events.length = 0;
    this.#outgoing.length = 0;
    this.#socket?.destroy();
    this.pipe.destroy();
  }

  /** The socket that runs over `pipe`, with everything it may tell after the handshake. */
  attach(socket: TLSSocket): void {
    this.#socket = socket;
    socket.on('error', (error) => this.fail(handshakeReason(error)));
    socket.on('end', () => this.fail('the peer closed its TLS session'));
    socket.on('close', () => this.fail('the TLS session is closed'));
  }

  /** The handshake is done: the certificate decides. */
  handleEstablished(): void {
    const socket = this.#socket;
    if (socket === undefined || this.#state !== 'handshake') return;
    const peer = this.#policy.certificates.read(socket);
    const refusal = this.#refusal(socket, peer);
    if (refusal !== null) {
      this.#end(refusal);
      return;
    }
    this.#state = 'established';
    // One `data` event is one record: while a stream flows Node hands on what each read of OpenSSL gave.
    socket.on('data', (bytes: Buffer) =>
      this.#emit({ type: 'plaintext', bytes: new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length) }),
    );
    const certificate = peer?.certificate ?? null;
    this.#emit({
      type: 'established',
      certificate,
      version: socket.getProtocol() ?? '',
      cipher: socket.getCipher().name,
    });
  }

  /** Fatal, told once. */
  fail(reason: string): void {
    if (this.#state === 'failed' || this.#state === 'destroyed') return;
    const told = this.#state === 'ending' ? this.#failure : reason;
    this.#state = 'failed';
    this.#emit({ type: 'failed', reason: told });
  }

  onWritten(bytes: Uint8Array): void {
    if (this.#state !== 'destroyed')
      this.#emit({ type: 'ciphertext', bytes: new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length) });
  }

  onFinished(): void {
    if (this.#state === 'ending') this.fail(this.#failure);
  }

  #refusal(socket: TLSSocket, peer: ShownCertificate | null): string | null {
    if (peer === null) {
      const required = this.#role === 'client' || this.#policy.clientCertificate === 'require';
      return required ? `the ${this.#role === 'client' ? 'server' : 'client'} sent no certificate` : null;
    }
    if (this.#role === 'server' && this.#policy.clientCertificate === 'none') return null;
    const error: unknown = socket.authorizationError;
    return error ? verifyReason(error) : this.#policy.faultOf(peer);
  }

  /** node:tls verifies after the handshake and has no other alert to send than close_notify. */
  #end(reason: string): void {
    this.#state = 'ending';
    this.#failure = reason;
    this.#socket?.resume();
    this.#socket?.end();
  }

  /** One write at a time: what waits together would become one TLS record, and each message must be its own. [wire 10] */
  #writeNext(): void {
    if (this.#writing || this.#state !== 'established') return;
    const plaintext = this.#outgoing.shift();
    if (plaintext === undefined) return;
    this.#writing = true;
    this.#socket?.write(plaintext, () => {
      this.#writing = false;
      this.#writeNext();
    });
  }

  /** `onProgress` must not run inside a call of the session, and TLS answers inside `feed` as often as later. */
  #emit(event: TlsEvent): void {
    this.#events.push(event);
    if (this.#notifying) return;
    this.#notifying = true;
    queueMicrotask(() => {
      this.#notifying = false;
      if (this.#events.length > 0) this.#onProgress();
    });
  }
}
