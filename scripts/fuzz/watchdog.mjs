import { Worker } from 'node:worker_threads';

const HEAD = 2;

/**
 * Watches a thread that tries inputs, from another one: an input that does not come to an end, or that takes too much memory,
 * is written to `findings`, and the process is killed. Time is the CPU's, so that a busy or a stopped machine is no finding.
 */
export class Watchdog {
  #state;
  #input;
  #worker;

  /** Inputs have at most `longest` bytes. `limits`: `seconds` of CPU time for an input, `megabytes` for the process. */
  constructor({ findings, target, longest, limits }) {
    const shared = new SharedArrayBuffer(4 * HEAD + longest);
    this.#state = new Int32Array(shared, 0, HEAD);
    this.#input = new Uint8Array(shared, 4 * HEAD);
    const workerData = { shared, findings, target, limits };
    this.#worker = new Worker(new URL('watchdog-thread.mjs', import.meta.url), { workerData });
    this.#worker.unref();
  }

  /** Before an input is tried. */
  begin(input) {
    const some = input.subarray(0, this.#input.length);
    this.#input.set(some);
    Atomics.store(this.#state, 1, some.length);
    Atomics.add(this.#state, 0, 1);
  }

  stop() {
    return this.#worker.terminate();
  }
}
