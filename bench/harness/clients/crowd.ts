import type { Bench } from '../bench.js';
import type { Host } from '../lab/host.js';
import type { Lab } from '../lab/lab.js';

export interface CrowdOrder {
  readonly clients: number;
  /** New clients a second; `max` is as fast as they connect. */
  readonly rate: number | 'max';
}

/** Many clients that have connected and only keep alive. */
export interface Crowd {
  readonly connected: number;
  readonly failed: number;
  /** Takes leave of the server and says how connecting went. */
  leave(): Promise<CrowdEnd>;
}

export interface CrowdEnd {
  /** From the first start to the last connection. */
  readonly seconds: number;
  /** Milliseconds that a client took to connect; null where it is not known. */
  readonly latency: { readonly p50: number; readonly p99: number } | null;
}

/** Where crowds come from. */
export interface CrowdSource {
  readonly label: string;
  /** How many it can be at most. */
  readonly limit: number;
  /** New clients a second that it starts without strain. */
  readonly easyRate: number;
  /** More than it can connect in a second, for how long `max` takes. */
  readonly fullRate: number;
  /** Resolves when every client is connected or has failed. */
  gather(bench: Bench, lab: Lab, host: Host, order: CrowdOrder): Promise<Crowd>;
}
