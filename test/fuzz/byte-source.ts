/** Takes an input apart. At its end everything is zero and empty. */
export class ByteSource {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isEmpty(): boolean {
    return this.#at >= this.#bytes.length;
  }

  u8(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  u16(): number {
    return (this.u8() << 8) | this.u8();
  }

  /** At most so many bytes as a length in front of them says, copied. */
  sized(): Uint8Array {
    return this.#take(this.u16());
  }

  rest(): Uint8Array {
    return this.#take(this.#bytes.length);
  }

  #take(length: number): Uint8Array {
    const taken = this.#bytes.slice(this.#at, this.#at + length);
    this.#at += taken.length;
    return taken;
  }
}
