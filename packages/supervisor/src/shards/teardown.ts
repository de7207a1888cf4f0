/** Steps that undo what has been set up, run backwards, once. */
export class Teardown {
  readonly #steps: (() => void | Promise<void>)[] = [];
  #done: Promise<void> | undefined;

  add(step: () => void | Promise<void>): void {
    this.#steps.push(step);
  }

  /** Every step runs, whatever the others do; rejects with the first problem. */
  run(): Promise<void> {
    this.#done ??= this.#runAll();
    return this.#done;
  }

  async #runAll(): Promise<void> {
    const problems: unknown[] = [];
    for (const step of this.#steps.reverse()) {
      try {
        await step();
      } catch (error) {
        problems.push(error);
      }
    }
    if (problems.length > 0) throw problems[0];
  }
}
