/** Waits between attempts: the same for the first ones, then twice as long each time. */
export class BackOff {
  readonly #limits: { readonly first: number; readonly longest: number };
  readonly #patience: number;
  readonly #now: () => number;
  #failures = 0;
  #since: number;

  /** Seconds. compat: every one of `remotes` has five attempts before the waits grow. */
  constructor(
    limits: { readonly first: number; readonly longest: number },
    remotes: number,
    now = () => performance.now(),
  ) {
    this.#limits = limits;
    this.#patience = 5 * remotes;
    this.#now = now;
    this.#since = now();
  }

  /** Attempts since the last `reset`. */
  get failures(): number {
    return this.#failures;
  }

  get secondsFailing(): number {
    return (this.#now() - this.#since) / 1000;
  }

  /** Seconds to wait after one more failed attempt. */
  next(): number {
    this.#failures += 1;
    const { first, longest } = this.#limits;
    const doublings = Math.max(0, this.#failures - this.#patience);
    return Math.min(longest, first * 2 ** Math.min(doublings, 30));
  }

  /** An attempt has succeeded. */
  reset(): void {
    this.#failures = 0;
    this.#since = this.#now();
  }
}
