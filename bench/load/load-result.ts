import type { TrafficTally } from './load-native.js';

/** Percentiles of traffic: their names, and the parts that lie below them. */
export const LATENCIES = { p50: 0.5, p90: 0.9, p99: 0.99, p999: 0.999, max: 1 } as const;

/** What a run has measured; the file of `--json`. */
export interface LoadResult {
  readonly clients: number;
  readonly connected: number;
  /** Clients that never connected, and connections that ended by themselves, by reason. */
  readonly failed: Readonly<Record<string, number>>;
  readonly lost: Readonly<Record<string, number>>;
  readonly connect: {
    /** From the first start to the last connection. */
    readonly seconds: number;
    readonly perSecond: number;
    /** Milliseconds from a client's first packet to its keys. */
    readonly latency: Readonly<Record<'p50' | 'p90' | 'p99' | 'max', number>>;
  };
  /** Seconds that the connected clients stayed. */
  readonly stayed: number;
  readonly traffic: TrafficResult | null;
  /** This process, to see that it was not what was measured. */
  readonly self: {
    readonly cpuSecondsConnecting: number;
    readonly cpuSecondsStaying: number;
    readonly residentMiB: number;
  };
  /** Of the clients' data path and sockets, those that are not 0. */
  readonly counters: Readonly<Record<string, number>>;
}

export interface TrafficResult extends Omit<TrafficTally, 'latency'> {
  /** Sent and never arrived. */
  readonly missing: number;
  readonly sentPerSecond: number;
  readonly receivedPerSecond: number;
  /** Inner packets with their headers, as received. */
  readonly receivedMbit: number;
  /** Microseconds: there and back with an echo, one way between clients. */
  readonly latency: Readonly<Record<keyof typeof LATENCIES, number>>;
}

/** The value below which `part` of the sorted values lie; 0 without values. */
export const percentile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;

export const countBy = (reasons: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const reason of reasons) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
};

export const trafficResult = ({ latency, ...tally }: TrafficTally, seconds: number): TrafficResult => ({
  ...tally,
  missing: Math.max(0, tally.sent - tally.received),
  sentPerSecond: tally.sent / seconds,
  receivedPerSecond: tally.received / seconds,
  receivedMbit: (tally.receivedBytes * 8) / seconds / 1e6,
  latency: Object.fromEntries(Object.keys(LATENCIES).map((name, n) => [name, latency[n] ?? 0])) as Record<
    keyof typeof LATENCIES,
    number
  >,
});
