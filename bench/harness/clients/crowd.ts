import type { Bench } from '../bench.js';
import type { Host } from '../lab/host.js';
import type { Lab } from '../lab/lab.js';

export interface CrowdOrder {
  readonly clients: number;
  /** New clients a second. */
  readonly rate: number;
}

/** Many clients that only connect and keep alive. */
export interface Crowd {
  readonly connected: number;
  readonly failed: number;
  /** From the first start to the last connection. */
  readonly seconds: number;
  stop(): Promise<void>;
}

/** Where crowds come from: the load generator, or stock clients in small numbers. */
export interface CrowdSource {
  readonly label: string;
  /** How many it can be at most. */
  readonly limit: number;
  /** New clients a second that it can start without strain. */
  readonly rate: number;
  /** Resolves when every client is connected or has failed. */
  gather(bench: Bench, lab: Lab, host: Host, order: CrowdOrder): Promise<Crowd>;
}
