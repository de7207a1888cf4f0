import type { ScriptCommand } from '../config/script-command.js';
import type { Log } from '../log.js';
import { OnceAMinute } from '../once-a-minute.js';
import { type ScriptEnd, type ScriptProcess, spawnScript } from './spawn-script.js';

/** `busy`: as many run and wait as may. */
export type ScriptResult = ScriptEnd | { readonly type: 'busy' };

export interface ScriptLimits {
  readonly atOnce: number;
  /** More are turned away. */
  readonly waiting: number;
  /** Milliseconds that one may wait for its turn. */
  readonly waitMs: number;
  /** Milliseconds that one may run. */
  readonly runMs: number;
}

export const SCRIPT_LIMITS: ScriptLimits = { atOnce: 8, waiting: 256, waitMs: 10_000, runMs: 10_000 };

/** Runs the commands of an administrator: some at once, each for a limited time, all of them counted. */
export class ScriptRunner {
  readonly #log: Log;
  readonly #limits: ScriptLimits;
  readonly #running = new Set<ScriptProcess>();
  readonly #waiting: Waiting[] = [];
  readonly #counts = new Map<string, Map<ScriptOutcome, number>>();
  readonly #faults = new OnceAMinute();
  #active = 0;
  #closed = false;

  constructor(log: Log, limits = SCRIPT_LIMITS) {
    this.#log = log;
    this.#limits = limits;
  }

  /** Runs that have ended, by directive and outcome. */
  get counts(): Readonly<Record<string, Readonly<Record<string, number>>>> {
    return Object.fromEntries([...this.#counts].map(([directive, counts]) => [directive, Object.fromEntries(counts)]));
  }

  /** Never rejects. What is wrong with the command is logged. */
  async run(command: ScriptCommand, env: Readonly<Record<string, string>>): Promise<ScriptResult> {
    const result = (await this.#turn()) ? await this.#spawn(command, env) : ({ type: 'busy' } as const);
    this.#count(command, result);
    this.#report(command, result);
    return result;
  }

  /** Kills what runs, and starts nothing any more. */
  close(): void {
    this.#closed = true;
    for (const { resolve } of this.#waiting.splice(0)) resolve(false);
    for (const script of this.#running) script.kill();
  }

  #turn(): Promise<boolean> | boolean {
    if (this.#closed) return false;
    if (this.#active < this.#limits.atOnce) {
      this.#active += 1;
      return true;
    }
    if (this.#waiting.length >= this.#limits.waiting) return false;
    return new Promise((resolve) => this.#waiting.push({ resolve, until: performance.now() + this.#limits.waitMs }));
  }

  async #spawn(command: ScriptCommand, env: Readonly<Record<string, string>>): Promise<ScriptEnd> {
    try {
      const script = spawnScript(command, env, this.#limits.runMs);
      this.#running.add(script);
      const end = await script.ended;
      this.#running.delete(script);
      return end;
    } catch (error) {
      return { type: 'not-started', detail: (error as Error).message };
    } finally {
      this.#passTurn();
    }
  }

  #passTurn(): void {
    const now = performance.now();
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const isInTime = now < next.until;
      next.resolve(isInTime);
      if (isInTime) return;
    }
    this.#active -= 1;
  }

  #count({ directive }: ScriptCommand, result: ScriptResult): void {
    const counts = this.#counts.get(directive) ?? new Map<ScriptOutcome, number>();
    const outcome = outcomeOf(result);
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    this.#counts.set(directive, counts);
  }

  /** A command that says no does its work; one that cannot do it is a fault, told once a minute. */
  #report({ directive, words }: ScriptCommand, result: ScriptResult): void {
    const [program = ''] = words;
    const output = 'output' in result ? result.output.trim() : '';
    if (output !== '') this.#log.debug(`${directive}: ${program} printed`, { output });
    const fault = faultOf(result, this.#limits);
    if (fault === null || this.#closed || !this.#faults.maySay(`${directive} ${result.type}`)) return;
    this.#log.error(`${directive}: ${program} ${fault}`, output === '' ? {} : { output });
  }
}

/** Names are stable: they are labels of metrics. */
export type ScriptOutcome = 'success' | 'failure' | 'killed' | 'timeout' | 'not-started' | 'busy';

interface Waiting {
  readonly resolve: (isItsTurn: boolean) => void;
  readonly until: number;
}

const outcomeOf = (result: ScriptResult): ScriptOutcome =>
  result.type !== 'exited' ? result.type : result.code === 0 ? 'success' : 'failure';

const faultOf = (result: ScriptResult, { atOnce, waiting, runMs }: ScriptLimits): string | null => {
  switch (result.type) {
    case 'exited':
      return null;
    case 'killed':
      return `was killed by ${result.signal}`;
    case 'timeout':
      return `was killed because it took longer than ${runMs / 1000} s; make it faster`;
    case 'not-started':
      return `could not be started: ${result.detail}; look at its permissions and its first line`;
    case 'busy':
      return `is needed too often: ${atOnce} run and ${waiting} wait; make it faster`;
  }
};
