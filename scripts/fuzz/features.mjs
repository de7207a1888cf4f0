/** What inputs have reached: each branch, once for each order of magnitude of how often. */
export class Features {
  #counts;
  #seen;
  known = 0;

  constructor(counts) {
    this.#counts = counts;
    this.#seen = new Uint32Array(counts.length);
  }

  /** How many are new since the last time. The counters start again. */
  take() {
    const [counts, seen] = [this.#counts, this.#seen];
    const before = this.known;
    for (let at = 0; at < counts.length; at++) {
      if (counts[at] === 0) continue;
      const bit = 1 << (31 - Math.clz32(counts[at]));
      if ((seen[at] & bit) === 0) {
        seen[at] |= bit;
        this.known++;
      }
      counts[at] = 0;
    }
    return this.known - before;
  }
}
