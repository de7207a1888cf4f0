/** One thing to measure. */
export interface MicroCase {
  readonly name: string;
  /** How often `run` does it: short steps are done many times, because looking at the clock takes longer. */
  readonly operations: number;
  /** Whether `run` gives a promise. Nobody tries it out: two at a time could hinder each other. */
  readonly waits?: boolean;
  run(): void | Promise<void>;
  /** Starts what the case needs. */
  open?(): Promise<void>;
  /** Ends it. */
  close?(): Promise<void>;
}

/** What one operation took, nanoseconds. */
export interface MicroResult {
  readonly name: string;
  readonly typical: number;
  /** 99 % of the samples, or the upper bound of the estimate, lie below. */
  readonly high: number;
}
