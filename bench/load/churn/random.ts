/** Random numbers that a seed repeats; parts of a seed (a run's, a client's) give independent rows. */
export class Random {
  #state: number;

  constructor(...seed: readonly number[]) {
    this.#state = seed.reduce((state, part) => mix(state ^ mix(part)), 0x9e37_79b9);
  }

  /** 0 up to, but not including, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b_79f5) | 0;
    return (mix(this.#state) >>> 0) / 2 ** 32;
  }

  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  /** Of events that come one in `mean` on average, the time to the next; at most five times as long. */
  wait(mean: number): number {
    return Math.min(5, -Math.log(1 - this.next())) * mean;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.next() * choices.length)] as T;
  }
}

/** Every bit of the result depends on all bits of the 32-bit number. (murmur3's end) */
const mix = (value: number): number => {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85eb_ca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2_ae35);
  return x ^ (x >>> 16);
};
