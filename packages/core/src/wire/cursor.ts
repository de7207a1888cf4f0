import { VpnError } from '../errors.js';

/**
 * Bounds-checked reading of a packet. A read past the end yields zero or an empty view and sets `failed` for good,
 * so a decoder reads its fields in a row and asks once. All integers are big-endian. [wire]
 */
export class PacketReader {
  readonly #bytes: Uint8Array;
  #offset = 0;
  #failed = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get failed(): boolean {
    return this.#failed;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(): number {
    const at = this.#take(1);
    return at < 0 ? 0 : byteAt(this.#bytes, at);
  }

  u16(): number {
    const at = this.#take(2);
    return at < 0 ? 0 : uint16At(this.#bytes, at);
  }

  u32(): number {
    const at = this.#take(4);
    return at < 0 ? 0 : uint16At(this.#bytes, at) * 0x10000 + uint16At(this.#bytes, at + 2);
  }

  /** A view of the next `length` bytes, valid as long as the packet is. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return at < 0 ? this.#bytes.subarray(0, 0) : this.#bytes.subarray(at, at + length);
  }

  /** A view of everything that is left. */
  rest(): Uint8Array {
    return this.bytes(this.#failed ? 0 : this.remaining);
  }

  /** Offset of `length` bytes, or -1 and failure. */
  #take(length: number): number {
    if (this.#failed || length > this.remaining) {
      this.#failed = true;
      return -1;
    }
    const at = this.#offset;
    this.#offset += length;
    return at;
  }
}

/** Appends to a buffer of fixed capacity. Overflow and values out of range are our own faults and throw. */
export class PacketWriter {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  u8(value: number): this {
    return this.#integer(value, 1);
  }

  u16(value: number): this {
    return this.#integer(value, 2);
  }

  u32(value: number): this {
    return this.#integer(value, 4);
  }

  bytes(value: Uint8Array): this {
    this.#bytes.set(value, this.#reserve(value.length));
    return this;
  }

  /** What has been written, as a view of the writer's own buffer. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#offset);
  }

  #integer(value: number, size: number): this {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** (8 * size)) {
      throw new VpnError('api-misuse/integer-range', `${value} does not fit into ${size} bytes`);
    }
    const at = this.#reserve(size);
    let rest = value;
    for (let i = size - 1; i >= 0; i--) {
      this.#bytes[at + i] = rest % 0x100;
      rest = Math.floor(rest / 0x100);
    }
    return this;
  }

  #reserve(length: number): number {
    const at = this.#offset;
    if (at + length > this.#bytes.length) {
      throw new VpnError('api-misuse/writer-full', `${length} bytes at ${at} of ${this.#bytes.length}`);
    }
    this.#offset += length;
    return at;
  }
}

const uint16At = (bytes: Uint8Array, at: number): number => byteAt(bytes, at) * 0x100 + byteAt(bytes, at + 1);

const byteAt = (bytes: Uint8Array, at: number): number => bytes[at] ?? 0;
