/** The memory of a ring, as docs/internal/rings/design.md lays it out; `native/crates/shard/src/ring.rs` has the same numbers. */

/** Byte offsets of the header words. */
export const TAIL_OFFSET = 0;
export const DROPPED_OFFSET = 4;
export const HEAD_OFFSET = 64;
export const SLEEPING_OFFSET = 128;
/** First byte of the data area. */
export const DATA_OFFSET = 192;

export const MIN_CAPACITY = 4096;
/** u32 size and u32 kind before each payload. */
export const RECORD_HEADER = 8;
/** Kind of the record that fills the buffer's rest. */
export const PADDING = 0;

/** Bytes that a record with this much payload takes. */
export const recordLength = (payload: number): number => (RECORD_HEADER + payload + 7) & ~7;

/** Largest payload a ring of this capacity takes: a record may fill half of it. */
export const maxPayload = (capacity: number): number => capacity / 2 - RECORD_HEADER;

/** Memory for a ring with `capacity` data bytes, a power of two from 4096 to 2^30. */
export function createRing(capacity: number): SharedArrayBuffer {
  if (!isCapacity(capacity))
    throw new RangeError(`ring capacity ${capacity} is not a power of two from ${MIN_CAPACITY} to 2^30`);
  return new SharedArrayBuffer(DATA_OFFSET + capacity);
}

/** The views both ends work with. Throws RangeError when the memory is not a ring's size. */
export interface RingMemory {
  readonly words: Int32Array;
  readonly data: Uint8Array;
  readonly capacity: number;
}

export function openRing(memory: SharedArrayBuffer): RingMemory {
  const capacity = memory.byteLength - DATA_OFFSET;
  if (!isCapacity(capacity)) throw new RangeError(`${memory.byteLength} bytes are not a ring`);
  return { words: new Int32Array(memory, 0, DATA_OFFSET / 4), data: new Uint8Array(memory, DATA_OFFSET), capacity };
}

export function encodeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** The caller has checked that four bytes are there. */
export function decodeU32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)) >>> 0
  );
}

const isCapacity = (n: number): boolean =>
  Number.isInteger(n) && n >= MIN_CAPACITY && n <= 2 ** 30 && (n & (n - 1)) === 0;
