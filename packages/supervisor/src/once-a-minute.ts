/** Whether something is said again: of each kind once a minute. Of kinds there are few. */
export class OnceAMinute {
  readonly #quietUntil = new Map<string, number>();

  /** It counts as said then. */
  maySay(kind: string): boolean {
    const now = performance.now();
    if (now < (this.#quietUntil.get(kind) ?? Number.NEGATIVE_INFINITY)) return false;
    this.#quietUntil.set(kind, now + PERIOD_MS);
    return true;
  }
}

const PERIOD_MS = 60_000;
