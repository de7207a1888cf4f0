import { PacketReader } from '../wire/cursor.js';
import { decodeText } from '../wire/text.js';

/** Reads what `BlobWriter` has written. A read past the end yields nothing and sets `failed` for good, as in `PacketReader`. */
export class BlobReader {
  readonly #reader: PacketReader;
  #failed = false;

  constructor(bytes: Uint8Array) {
    this.#reader = new PacketReader(bytes);
  }

  get failed(): boolean {
    return this.#failed || this.#reader.failed;
  }

  get isAtEnd(): boolean {
    return this.#reader.remaining === 0;
  }

  u8(): number {
    return this.#reader.u8();
  }

  u16(): number {
    return this.#reader.u16();
  }

  u32(): number {
    return this.#reader.u32();
  }

  /** A finite number. */
  f64(): number {
    const bytes = this.#reader.bytes(8);
    if (bytes.length < 8) return 0;
    const value = new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0);
    if (Number.isFinite(value)) return value;
    this.#failed = true;
    return 0;
  }

  flag(): boolean {
    const value = this.u8();
    if (value > 1) this.#failed = true;
    return value === 1;
  }

  /** A copy. */
  raw(length: number): Uint8Array {
    return this.#reader.bytes(length).slice();
  }

  text(): string {
    return decodeText(this.#reader.bytes(this.u32()));
  }

  maybe<T>(read: () => T): T | null {
    return this.flag() ? read() : null;
  }

  /** Ends at the first element that is not there, whatever length the blob claims. */
  list<T>(read: () => T): T[] {
    const values: T[] = [];
    for (let left = this.u32(); left > 0 && !this.failed; left--) values.push(read());
    return values;
  }

  /** Says that what was read makes no sense. */
  fail(): void {
    this.#failed = true;
  }
}
