import {
  decodeU32,
  HEAD_OFFSET,
  openRing,
  PADDING,
  RECORD_HEADER,
  recordLength,
  SLEEPING_OFFSET,
  TAIL_OFFSET,
} from './layout.js';

/** `payload` is a view of shared memory, valid until the call returns; the record is consumed even when the call throws. */
export type RecordHandler = (kind: number, payload: Uint8Array) => void;

/** The one reader of a ring. It trusts nothing the memory says about itself. */
export class RingConsumer {
  readonly #words: Int32Array;
  readonly #data: Uint8Array;
  readonly #capacity: number;
  #head: number;
  #corrupt = 0;

  /** Goes on where an earlier consumer of this memory stopped. */
  constructor(memory: SharedArrayBuffer) {
    const { words, data, capacity } = openRing(memory);
    this.#words = words;
    this.#data = data;
    this.#capacity = capacity;
    this.#head = Atomics.load(words, HEAD_OFFSET / 4) >>> 0;
  }

  /** Hands at most `limit` published records to `handle`, then gives their room back. The number handed over. */
  drain(limit: number, handle: RecordHandler): number {
    const tail = this.#publishedTail();
    let count = 0;
    try {
      while (count < limit && this.#head !== tail) {
        const payload = this.#next(tail);
        if (payload === undefined) continue;
        count++;
        handle(this.#kind, payload);
      }
    } finally {
      Atomics.store(this.#words, HEAD_OFFSET / 4, this.#head | 0);
    }
    return count;
  }

  /** Whether something is published that has not been drained. */
  get pending(): boolean {
    return this.#publishedTail() !== this.#head;
  }

  /** True: nothing is left and the producer wakes this consumer at its next publish. False: there is something to drain. */
  sleep(): boolean {
    Atomics.store(this.#words, SLEEPING_OFFSET / 4, 1);
    if (!this.pending) return true;
    this.awake();
    return false;
  }

  /** Spares the producer wake-ups while this consumer is draining. Call first when woken, by the producer or by something else. */
  awake(): void {
    Atomics.store(this.#words, SLEEPING_OFFSET / 4, 0);
  }

  /** Times the ring made no sense and was reset to the producer's tail. */
  get corrupt(): number {
    return this.#corrupt;
  }

  #kind = 0;

  /** Steps over one record and leaves its kind in `#kind`; undefined for padding and for nonsense. */
  #next(tail: number): Uint8Array | undefined {
    const at = this.#head & (this.#capacity - 1);
    const available = Math.min((tail - this.#head) >>> 0, this.#capacity - at);
    if (available < RECORD_HEADER) return this.#reset(tail);
    const size = decodeU32(this.#data, at);
    const kind = decodeU32(this.#data, at + 4);
    if (size > available - RECORD_HEADER) return this.#reset(tail);
    const length = recordLength(size);
    if (length > available) return this.#reset(tail);
    if (kind === PADDING && at + length !== this.#capacity) return this.#reset(tail);
    if (kind !== PADDING && length > this.#capacity / 2) return this.#reset(tail);
    this.#head = (this.#head + length) >>> 0;
    this.#kind = kind;
    return kind === PADDING ? undefined : this.#data.subarray(at + RECORD_HEADER, at + RECORD_HEADER + size);
  }

  /** A tail that lies outside the buffer resets the ring at once. */
  #publishedTail(): number {
    const tail = Atomics.load(this.#words, TAIL_OFFSET / 4) >>> 0;
    if ((tail - this.#head) >>> 0 > this.#capacity) this.#reset(tail);
    return tail;
  }

  #reset(tail: number): undefined {
    this.#corrupt++;
    this.#head = tail;
    Atomics.store(this.#words, HEAD_OFFSET / 4, tail | 0);
    return undefined;
  }
}
