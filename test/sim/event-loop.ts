/** Simulated time: things happen in the order of their time, without anybody sleeping. */
export class EventLoop {
  #now = 1_000_000;
  #sequence = 0;
  #queue: { readonly at: number; readonly sequence: number; readonly action: () => void }[] = [];

  get now(): number {
    return this.#now;
  }

  after(delay: number, action: () => void): void {
    const entry = { at: this.#now + delay, sequence: this.#sequence++, action };
    let low = 0;
    let high = this.#queue.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#queue[middle];
      if (other !== undefined && (other.at < entry.at || (other.at === entry.at && other.sequence < entry.sequence))) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    this.#queue.splice(low, 0, entry);
  }

  /** The time of what is queued next. */
  get nextAt(): number | undefined {
    return this.#queue[0]?.at;
  }

  /** Moves the clock to `at` and runs what is due then; nothing may be queued for an earlier time. */
  advance(at: number): void {
    this.#now = Math.max(this.#now, at);
    for (let due = this.#queue[0]; due !== undefined && due.at <= this.#now; due = this.#queue[0]) {
      this.#queue.shift();
      due.action();
    }
  }
}
