import {
  DROPPED_OFFSET,
  encodeU32,
  HEAD_OFFSET,
  maxPayload,
  openRing,
  PADDING,
  RECORD_HEADER,
  recordLength,
  SLEEPING_OFFSET,
  TAIL_OFFSET,
} from './layout.js';

/** The one writer of a ring. Records lie behind a private tail until `publish` shows the batch to the consumer. */
export class RingProducer {
  readonly maxPayload: number;
  readonly #words: Int32Array;
  readonly #data: Uint8Array;
  readonly #capacity: number;
  /** Free-running u32; ahead of the published tail while a batch is open. */
  #tail: number;
  /** What `head` was when last looked at: the consumer only ever makes more room. */
  #head: number;

  /** Goes on where an earlier producer of this memory published last. */
  constructor(memory: SharedArrayBuffer) {
    const { words, data, capacity } = openRing(memory);
    this.#words = words;
    this.#data = data;
    this.#capacity = capacity;
    this.maxPayload = maxPayload(capacity);
    this.#tail = Atomics.load(words, TAIL_OFFSET / 4) >>> 0;
    this.#head = Atomics.load(words, HEAD_OFFSET / 4) >>> 0;
  }

  /**
   * Room for a record, to be filled before `publish`; old bytes are in it. Kinds are 1 and up.
   * `undefined` when the ring is full: the record is refused whole and counted.
   * Throws RangeError for a payload that never fits.
   */
  reserve(kind: number, payload: number): Uint8Array | undefined {
    if (!this.fits(payload)) {
      Atomics.add(this.#words, DROPPED_OFFSET / 4, 1);
      return undefined;
    }
    const rest = this.#rest();
    const length = recordLength(payload);
    if (length > rest) this.#header(rest - RECORD_HEADER, PADDING, rest);
    const at = this.#tail & (this.#capacity - 1);
    this.#header(payload, kind, length);
    return this.#data.subarray(at + RECORD_HEADER, at + RECORD_HEADER + payload);
  }

  /** Whether `reserve` would find room now; counts nothing. */
  fits(payload: number): boolean {
    if (payload > this.maxPayload)
      throw new RangeError(`record of ${payload} bytes in a ring that takes ${this.maxPayload}`);
    const rest = this.#rest();
    const length = recordLength(payload);
    const wanted = length > rest ? length + rest : length;
    if (wanted <= this.#room()) return true;
    this.#head = Atomics.load(this.#words, HEAD_OFFSET / 4) >>> 0;
    return wanted <= this.#room();
  }

  /** Shows the batch to the consumer. True: it sleeps, and this caller has to wake it. */
  publish(): boolean {
    if (Atomics.load(this.#words, TAIL_OFFSET / 4) >>> 0 === this.#tail) return false;
    Atomics.store(this.#words, TAIL_OFFSET / 4, this.#tail | 0);
    if (Atomics.load(this.#words, SLEEPING_OFFSET / 4) !== 1) return false;
    return Atomics.exchange(this.#words, SLEEPING_OFFSET / 4, 0) === 1;
  }

  /** Records refused since the memory was made, modulo 2^32. */
  get dropped(): number {
    return Atomics.load(this.#words, DROPPED_OFFSET / 4) >>> 0;
  }

  /** Bytes up to the end of the data area; never 0. */
  #rest(): number {
    return this.#capacity - (this.#tail & (this.#capacity - 1));
  }

  /** Free bytes; a head that cannot be (the memory is shared) leaves none. */
  #room(): number {
    const used = (this.#tail - this.#head) >>> 0;
    return used > this.#capacity ? 0 : this.#capacity - used;
  }

  #header(size: number, kind: number, length: number): void {
    const at = this.#tail & (this.#capacity - 1);
    encodeU32(this.#data, at, size);
    encodeU32(this.#data, at + 4, kind);
    this.#tail = (this.#tail + length) >>> 0;
  }
}
