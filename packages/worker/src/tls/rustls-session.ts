import { type KeptTls, type TlsEvent, type TlsSession, VpnError } from '@shardvpn/core';
import type { TlsEstablished, TlsFailure, TlsServerSession, TlsStep } from '@shardvpn/native';
import type { ShownCertificate } from './peer-certificate.js';
import type { TlsPolicy } from './tls-policy.js';
import { verifyReason } from './verify-reason.js';

/**
 * One TLS session of a server in the native core. All of it happens within `feed`, but for a first answer that takes long: that is
 * computed beside the worker's loop.
 */
export class RustlsSession implements TlsSession {
  readonly #native: TlsServerSession;
  readonly #policy: TlsPolicy;
  readonly #onProgress: () => void;
  readonly #signsSlowly: boolean;
  /** What came while a step is computed, null while none is. */
  #waiting: Uint8Array[] | null = null;
  #events: TlsEvent[] = [];
  #state: 'handshake' | 'established' | 'failed' | 'destroyed' = 'handshake';
  #answered = false;
  #openssl: 'hello' | 'certificate' | null = null;
  #notifying = false;

  constructor(native: TlsServerSession, policy: TlsPolicy, signsSlowly: boolean, onProgress: () => void) {
    this.#native = native;
    this.#policy = policy;
    this.#signsSlowly = signsSlowly;
    this.#onProgress = onProgress;
  }

  /** Goes on with a session that another worker has begun. */
  static resume(native: TlsServerSession, policy: TlsPolicy, onProgress: () => void): RustlsSession {
    const session = new RustlsSession(native, policy, false, onProgress);
    session.#answered = true;
    if (native.established) session.#state = 'established';
    return session;
  }

  /** Not before the first answer, which an engine may still leave to another one. */
  get kept(): KeptTls | null {
    const rests = this.#waiting === null && this.#events.length === 0 && this.#answered;
    return rests && (this.#state === 'handshake' || this.#state === 'established') ? this.#native : null;
  }

  /** Something has been said to the peer. */
  get hasAnswered(): boolean {
    return this.#answered;
  }

  /** What of a client that has failed OpenSSL might have taken, null when there is nothing. */
  get wantsOpenssl(): 'hello' | 'certificate' | null {
    return this.#openssl;
  }

  feed(bytes: Uint8Array): void {
    if (this.#waiting !== null) this.#waiting.push(new Uint8Array(bytes));
    else if (this.#state !== 'handshake' && this.#state !== 'established') return;
    else if (this.#signsSlowly && !this.#answered) this.#feedLater(bytes);
    else this.#take(this.#native.feed(bytes));
  }

  send(plaintext: Uint8Array): void {
    if (this.#state === 'handshake')
      throw new VpnError('api-misuse/tls-not-established', 'send before the TLS handshake is done');
    if (this.#isEstablished()) this.#pass(this.#native.send(plaintext));
  }

  poll(): TlsEvent | undefined {
    return this.#events.shift();
  }

  exportKeyingMaterial(label: string, length: number): Uint8Array | null {
    if (this.#state === 'handshake')
      throw new VpnError('api-misuse/tls-not-established', 'no keying material: the TLS session is not established');
    return this.#isEstablished() ? this.#native.exportKeyingMaterial(label, length) : null;
  }

  destroy(): void {
    this.#state = 'destroyed';
    this.#events = [];
    // A step that is being computed holds the session: freeing it would wait.
    if (this.#waiting === null) this.#native.free();
  }

  #feedLater(bytes: Uint8Array): void {
    this.#waiting = [];
    void this.#native.feedLater(bytes).then((step) => {
      const waiting = this.#waiting ?? [];
      this.#waiting = null;
      if (this.#state === 'destroyed') this.#native.free();
      else this.#take(step);
      // All of it at once: it may be another step of that kind, and there is one for each call.
      if (waiting.length > 0) this.feed(Buffer.concat(waiting));
    });
  }

  #take({ ciphertext, established, plaintexts, failure }: TlsStep): void {
    const incompatible = failure?.kind === 'incompatible' && !this.#answered;
    this.#pass(ciphertext);
    if (established !== null) this.#handleEstablished(established);
    if (this.#isEstablished()) for (const plaintext of plaintexts) this.#emit({ type: 'plaintext', bytes: plaintext });
    if (failure !== null) this.#handleFailure(failure, incompatible);
  }

  #isEstablished(): boolean {
    return this.#state === 'established';
  }

  #handleEstablished({ version, cipher, certificates }: TlsEstablished): void {
    const shown = this.#read(certificates);
    const refusal = typeof shown === 'string' ? shown : shown && this.#policy.faultOf(shown);
    if (refusal !== null) {
      this.#pass(this.#native.close());
      this.#fail(refusal);
      return;
    }
    this.#state = 'established';
    const certificate = typeof shown === 'string' ? null : (shown?.certificate ?? null);
    this.#emit({ type: 'established', certificate, version, cipher });
  }

  /** A reason where Node cannot read what has verified. */
  #read(certificates: readonly Uint8Array[]): ShownCertificate | string | null {
    try {
      return this.#policy.certificates.readVerified(certificates);
    } catch (error) {
      return `certificate cannot be read: ${(error as Error).message}`;
    }
  }

  #handleFailure({ kind, reason }: TlsFailure, incompatible: boolean): void {
    if (kind === 'unjudged') this.#openssl = 'certificate';
    else if (incompatible) this.#openssl = 'hello';
    if (kind === 'certificate') this.#fail(verifyReason({ code: reason, message: reason }));
    else this.#fail(kind === 'unjudged' ? `certificate that rustls cannot judge: ${reason}` : reason);
  }

  /** Fatal, told once. */
  #fail(reason: string): void {
    if (this.#state === 'failed') return;
    this.#state = 'failed';
    this.#native.free();
    this.#emit({ type: 'failed', reason });
  }

  #pass(ciphertext: Uint8Array): void {
    if (ciphertext.length === 0) return;
    this.#answered = true;
    this.#emit({ type: 'ciphertext', bytes: ciphertext });
  }

  /** Whoever polls behind each call never needs to be told. */
  #emit(event: TlsEvent): void {
    this.#events.push(event);
    if (this.#notifying) return;
    this.#notifying = true;
    void AT_ONCE.then(this.#notify);
  }

  readonly #notify = (): void => {
    this.#notifying = false;
    if (this.#events.length > 0) this.#onProgress();
  };
}

/** What is chained to it runs as a microtask, without the context that Node makes for `queueMicrotask`. */
const AT_ONCE = Promise.resolve();
