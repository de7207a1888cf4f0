import { copyFileSync } from 'node:fs';
import type { Running } from '../lab/host.js';
import type { Lab } from '../lab/lab.js';
import { injectFault } from '../lab/server.js';
import { sleep } from '../lab/until.js';
import type { SoakSettings } from './soak-settings.js';

/** Reloads and crashes of a server by chance, until it is ended. */
export class Disturbance {
  readonly reloads: string[] = [];
  readonly crashes: string[] = [];
  readonly #random: () => number;
  readonly #done: Promise<unknown>;
  #ended = false;

  /** `variants` are written over the server's configuration in turn. */
  constructor(
    private readonly lab: Lab,
    private readonly server: Running,
    private readonly config: string,
    private readonly variants: readonly string[],
    private readonly settings: SoakSettings,
  ) {
    this.#random = repeatable(settings.seed);
    const { reloadEvery, crashEvery } = settings;
    this.#done = Promise.all([
      this.#every(reloadEvery, () => this.#reload()),
      this.#every(crashEvery, () => this.#crash()),
    ]);
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#done;
  }

  async #every(seconds: number, work: () => void): Promise<void> {
    let at = performance.now();
    while (seconds > 0) {
      at += 1000 * seconds * (0.5 + this.#random());
      while (performance.now() < at && !this.#ended) await sleep(100);
      if (this.#ended) return;
      work();
    }
  }

  #reload(): void {
    const variant = this.variants[this.reloads.length % this.variants.length] as string;
    copyFileSync(variant, this.config);
    this.server.signal('SIGHUP');
    this.reloads.push(new Date().toISOString());
  }

  #crash(): void {
    const faults = ['exception', 'rejection', 'exit', 'memory', 'loop'] as const;
    const fault = faults[Math.floor(this.#random() * faults.length)] as (typeof faults)[number];
    const shard = Math.floor(this.#random() * this.settings.shards);
    injectFault(this.lab, fault, shard);
    this.crashes.push(`${new Date().toISOString()} ${fault} ${shard}`);
  }
}

/** A row of numbers from 0 up to 1 that the seed repeats. (mulberry32) */
function repeatable(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}
