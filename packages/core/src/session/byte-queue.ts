/** Bytes of TLS on their way into control packets. */
export class ByteQueue {
  #chunks: Uint8Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Takes over `bytes`. */
  push(bytes: Uint8Array): void {
    if (bytes.length > 0) {
      this.#chunks.push(bytes);
      this.#length += bytes.length;
    }
  }

  /** A copy of everything. */
  get bytes(): Uint8Array {
    const all = new Uint8Array(this.#length);
    let filled = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, filled);
      filled += chunk.length;
    }
    return all;
  }

  /** Up to `limit` bytes, in a buffer of their own. */
  take(limit: number): Uint8Array {
    const taken = new Uint8Array(Math.min(limit, this.#length));
    let filled = 0;
    while (filled < taken.length) {
      const chunk = this.#chunks[0] ?? new Uint8Array(0);
      const part = chunk.subarray(0, taken.length - filled);
      taken.set(part, filled);
      filled += part.length;
      if (part.length === chunk.length) {
        this.#chunks.shift();
      } else {
        this.#chunks[0] = chunk.subarray(part.length);
      }
    }
    this.#length -= filled;
    return taken;
  }
}
