import { createHash, createHmac } from 'node:crypto';
import type { KeptTls, PeerCertificate, TlsEngine, TlsEvent, TlsSession } from '@shardvpn/core';
import type { SeededRandom } from './seeded-random.js';

export interface MemoryTlsOptions {
  readonly random: SeededRandom;
  /** Shown to the peer; null for none. */
  readonly certificate: () => PeerCertificate | null;
  /** Why the peer's certificate is not good enough; null when it is. */
  readonly verify: (certificate: PeerCertificate | null) => string | null;
  /** How work is put off by an engine that is asynchronous; null for one that works at once. */
  readonly defer: ((work: () => void) => void) | null;
  /** Flights of some hundred bytes in place of those of real certificates. */
  readonly shortFlights?: boolean;
}

/**
 * TLS without cryptography but with everything else that the core can notice: flights of realistic size, records
 * that span packets, certificates, alerts, an exporter that both sides agree on, and plaintext that only the peer can open.
 */
export const createMemoryTls = (options: MemoryTlsOptions): TlsEngine & { readonly live: number } => {
  let live = 0;
  return {
    open(role, onProgress) {
      live++;
      return new MemoryTlsSession(role, options, onProgress, () => live--);
    },
    resume(kept, onProgress) {
      const { session, steps } = kept as Kept;
      if (!session.resume(steps, onProgress, () => live--)) return null;
      live++;
      return session;
    },
    get live() {
      return live;
    },
  };
};

const RECORD = { clientHello: 1, serverHello: 2, clientFinished: 3, serverFinished: 4, data: 23, alert: 21 } as const;
const TAG_LENGTH = 8;
/** Filler that makes flights as large as real ones. */
const PADDING = { clientHello: 250, serverHello: 2700, clientFinished: 1900, serverFinished: 130 } as const;

/** A session, and how far it was. */
interface Kept {
  readonly session: MemoryTlsSession;
  readonly steps: number;
}

class MemoryTlsSession implements TlsSession {
  readonly #role: 'server' | 'client';
  readonly #options: MemoryTlsOptions;
  #onProgress: () => void;
  #onDestroy: () => void;
  readonly #events: TlsEvent[] = [];
  readonly #ownRandom: Uint8Array;
  #peerRandom: Uint8Array | undefined;
  #input = new Uint8Array(0);
  #established = false;
  #over = false;
  #destroyed = false;
  #sendCount = 0;
  #receiveCount = 0;
  #steps = 0;
  /** Steps that are put off. */
  #owed = 0;

  constructor(role: 'server' | 'client', options: MemoryTlsOptions, onProgress: () => void, onDestroy: () => void) {
    this.#role = role;
    this.#options = options;
    this.#onProgress = onProgress;
    this.#onDestroy = onDestroy;
    this.#ownRandom = options.random.bytes(32);
    if (role === 'client') {
      this.#work(() => this.#emit(RECORD.clientHello, this.#padded(this.#ownRandom, PADDING.clientHello)));
    }
  }

  feed(bytes: Uint8Array): void {
    const copy = bytes.slice();
    this.#work(() => {
      this.#input = concat(this.#input, copy);
      this.#readRecords();
    });
  }

  send(plaintext: Uint8Array): void {
    if (!this.#established) {
      throw new Error('plaintext before the handshake is done');
    }
    const copy = plaintext.slice();
    this.#work(() => this.#emit(RECORD.data, concat(this.#tag(this.#role, this.#sendCount++, copy), copy)));
  }

  poll(): TlsEvent | undefined {
    return this.#destroyed ? undefined : this.#events.shift();
  }

  exportKeyingMaterial(label: string, length: number): Uint8Array {
    if (!this.#established) {
      throw new Error('exporter before the handshake is done');
    }
    let output = new Uint8Array(0);
    for (let i = 0; output.length < length; i++) {
      output = concat(output, createHmac('sha256', this.#secret()).update(`${label}|${i}`).digest());
    }
    return output.slice(0, length);
  }

  destroy(): void {
    if (!this.#destroyed) {
      this.#destroyed = true;
      this.#onDestroy();
    }
  }

  get kept(): KeptTls | null {
    const kept: Kept = { session: this, steps: this.#steps };
    return this.#owed > 0 || this.#events.length > 0 || this.#over || this.#destroyed ? null : kept;
  }

  /** False where it has come further: the world has not heard of all that it said. */
  resume(steps: number, onProgress: () => void, onDestroy: () => void): boolean {
    this.#onProgress = onProgress;
    this.#onDestroy = onDestroy;
    return steps === this.#steps && !this.#destroyed;
  }

  #work(step: () => void): void {
    const { defer } = this.#options;
    this.#steps++;
    if (defer === null) {
      step();
      return;
    }
    this.#owed++;
    defer(() => {
      this.#owed--;
      if (!this.#destroyed) {
        step();
        this.#onProgress();
      }
    });
  }

  #readRecords(): void {
    while (!this.#over && this.#input.length >= 3) {
      const length = (this.#input[1] ?? 0) * 256 + (this.#input[2] ?? 0);
      if (this.#input.length < 3 + length) {
        return;
      }
      const type = this.#input[0] ?? 0;
      const body = this.#input.slice(3, 3 + length);
      this.#input = this.#input.slice(3 + length);
      this.#handleRecord(type, body);
    }
  }

  #handleRecord(type: number, body: Uint8Array): void {
    if (type === RECORD.alert) {
      this.#fail(`alert: ${Buffer.from(body).toString()}`, false);
    } else if (type === RECORD.clientHello && this.#role === 'server' && this.#peerRandom === undefined) {
      this.#peerRandom = body.slice(0, 32);
      this.#emit(RECORD.serverHello, concat(this.#ownRandom, this.#flight(PADDING.serverHello)));
    } else if (type === RECORD.serverHello && this.#role === 'client' && this.#peerRandom === undefined) {
      this.#peerRandom = body.slice(0, 32);
      this.#emit(RECORD.clientFinished, this.#flight(PADDING.clientFinished));
      this.#checkPeer(body.slice(32));
    } else if (
      type === RECORD.clientFinished &&
      this.#role === 'server' &&
      this.#peerRandom !== undefined &&
      !this.#established
    ) {
      if (this.#checkPeer(body)) {
        this.#emit(RECORD.serverFinished, this.#padded(new Uint8Array(0), PADDING.serverFinished));
      }
    } else if (type === RECORD.serverFinished && this.#role === 'client' && this.#established) {
      return;
    } else if (type === RECORD.data && this.#established) {
      this.#open(body);
    } else {
      this.#fail(`unexpected record ${type}`, true);
    }
  }

  #open(body: Uint8Array): void {
    const plaintext = body.slice(TAG_LENGTH);
    const peer = this.#role === 'server' ? 'client' : 'server';
    if (!Buffer.from(this.#tag(peer, this.#receiveCount++, plaintext)).equals(body.slice(0, TAG_LENGTH))) {
      this.#fail('bad record mac', true);
      return;
    }
    this.#events.push({ type: 'plaintext', bytes: plaintext });
  }

  /** Certificate and proof that both have seen the same randoms. */
  #flight(padding: number): Uint8Array {
    const certificate = Buffer.from(JSON.stringify(this.#options.certificate()));
    const proof = createHash('sha256').update(this.#secret()).update(certificate).digest();
    return this.#padded(
      concat(concat(proof, Uint8Array.of(certificate.length >> 8, certificate.length & 255)), certificate),
      padding,
    );
  }

  #padded(bytes: Uint8Array, padding: number): Uint8Array {
    return concat(bytes, new Uint8Array(this.#options.shortFlights === true ? padding >> 4 : padding));
  }

  #checkPeer(flight: Uint8Array): boolean {
    const length = (flight[32] ?? 0) * 256 + (flight[33] ?? 0);
    const text = Buffer.from(flight.slice(34, 34 + length));
    const proof = createHash('sha256').update(this.#secret()).update(text).digest();
    if (!proof.equals(flight.slice(0, 32))) {
      this.#fail('bad finished', true);
      return false;
    }
    const certificate = JSON.parse(text.toString()) as PeerCertificate | null;
    const fault = this.#options.verify(certificate);
    if (fault !== null) {
      this.#fail(fault, true);
      return false;
    }
    this.#established = true;
    this.#events.push({ type: 'established', certificate, version: 'TLSv1.3', cipher: 'MEMORY' });
    return true;
  }

  #fail(reason: string, tell: boolean): void {
    if (tell) {
      this.#emit(RECORD.alert, Buffer.from(reason));
    }
    this.#over = true;
    this.#events.push({ type: 'failed', reason });
  }

  #emit(type: number, body: Uint8Array): void {
    this.#events.push({
      type: 'ciphertext',
      bytes: concat(Uint8Array.of(type, body.length >> 8, body.length & 255), body),
    });
  }

  #tag(sender: string, count: number, plaintext: Uint8Array): Uint8Array {
    const mac = createHmac('sha256', this.#secret()).update(`${sender}|${count}|`).update(plaintext);
    return new Uint8Array(mac.digest().subarray(0, TAG_LENGTH));
  }

  #secret(): Uint8Array {
    const peer = this.#peerRandom ?? new Uint8Array(0);
    const [client, server] = this.#role === 'client' ? [this.#ownRandom, peer] : [peer, this.#ownRandom];
    return createHash('sha256').update(client).update(server).digest();
  }
}

const concat = (a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> => {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
};
