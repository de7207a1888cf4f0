import { asKeyId, asPeerId, type DataEvent, type Path, type Transmit } from '@shardvpn/core';
import { decodeU32, type RingProducer } from '@shardvpn/ring';
import { TRANSMIT } from './command-record.js';
import { encodePath, PATH_LENGTH, PathDecoder } from './path-record.js';

/** Record kinds, data thread to worker. [docs/internal/rings/design.md] */
const DATAGRAM = 1;
const FLOATED = 2;
const FLOAT_CONFLICT = 3;
const EXIT = 4;
const KEY_LIMIT = 5;
const SILENT = 6;
const RESET = 7;
const INACTIVE = 8;
const CLOSED = 16;
const RATE_LIMITED = 17;

/** What the data thread's records mean; `bytes` are valid until the call returns. */
export interface RecordSink {
  handleDatagram(path: Path, bytes: Uint8Array): void;
  handleDataEvent(event: DataEvent): void;
}

/** Decodes the records of a shard's data thread. Never throws; a record that makes no sense is counted. */
export class RecordDecoder {
  readonly #paths = new PathDecoder();
  /** node:crypto and streams refuse shared memory in places, so a datagram leaves the ring by one short copy. */
  #scratch = new Uint8Array(2048);
  #malformed = 0;

  decode(kind: number, payload: Uint8Array, sink: RecordSink): void {
    if (kind === DATAGRAM) this.#datagram(payload, sink);
    else this.#event(kind, payload, sink);
  }

  get malformed(): number {
    return this.#malformed;
  }

  #datagram(payload: Uint8Array, sink: RecordSink): void {
    const path = this.#paths.decode(payload);
    if (path === undefined) {
      this.#malformed++;
      return;
    }
    const length = payload.length - PATH_LENGTH;
    if (length > this.#scratch.length) this.#scratch = new Uint8Array(length);
    this.#scratch.set(payload.subarray(PATH_LENGTH));
    sink.handleDatagram(path, this.#scratch.subarray(0, length));
  }

  #event(kind: number, payload: Uint8Array, sink: RecordSink): void {
    const event = payload.length < 4 ? undefined : this.#decodeEvent(kind, payload);
    if (event === undefined) this.#malformed++;
    else sink.handleDataEvent(event);
  }

  #decodeEvent(kind: number, payload: Uint8Array): DataEvent | undefined {
    const peerId = asPeerId(decodeU32(payload, 0));
    if (kind === EXIT) return { type: 'exit', peerId };
    if (kind === SILENT) return { type: 'silent', peerId };
    if (kind === INACTIVE) return { type: 'inactive', peerId };
    if (kind === RESET) return { type: 'reset' };
    if (payload.length < 8) return undefined;
    const second = decodeU32(payload, 4);
    if (kind === KEY_LIMIT) return { type: 'key-limit', peerId, keyId: asKeyId(second) };
    const path = this.#paths.decode(payload.subarray(8));
    if (path === undefined) return undefined;
    if (kind === CLOSED) return { type: 'closed', path };
    if (kind === RATE_LIMITED) return { type: 'rate-limited', path };
    if (kind === FLOATED) return { type: 'floated', peerId, path };
    if (kind === FLOAT_CONFLICT) return { type: 'float-conflict', peerId, holder: asPeerId(second), path };
    return undefined;
  }
}

/** Writes a datagram for the network; false when the ring is full, which drops and counts it. */
export function encodeTransmit(ring: RingProducer, transmit: Transmit): boolean {
  const record = ring.reserve(TRANSMIT, PATH_LENGTH + transmit.bytes.length);
  if (record === undefined) return false;
  encodePath(transmit.path, record, 0);
  record.set(transmit.bytes, PATH_LENGTH);
  return true;
}
