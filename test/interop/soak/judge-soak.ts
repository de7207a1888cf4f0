import { expect } from '@jest/globals';
import type { ChurnResult } from '../../../bench/load/churn/churn-result.js';
import type { Vitals } from './vitals.js';

/** Everything that a soak has seen; counts are sums over all shards. */
export interface SoakReport {
  /** Of each round. */
  readonly results: readonly ChurnResult[];
  /** Without a client: before the first round, after each, and at the end. */
  readonly rests: readonly Vitals[];
  /** Datagrams that the kernel says it has dropped. */
  readonly lostInKernel: number;
  readonly reloads: readonly string[];
  readonly crashes: readonly string[];
  /** By reason. */
  readonly workerRestarts: Readonly<Record<string, number>>;
  readonly drops: Readonly<Record<string, number>>;
  readonly controlDrops: Readonly<Record<string, number>>;
  readonly counters: Readonly<Record<string, number>>;
  /** Warnings and errors of the server's log, numbers replaced. */
  readonly complaints: Readonly<Record<string, number>>;
}

/**
 * What a server's memory may grow between two rests. Heaps of workers breathe by some MiB each, and the C library keeps 4 MiB
 * of each worker that has crashed once for the next; a session that is kept holds 20 KiB and more, so thousands of them show.
 */
const MAY_GROW_MIB = 64;

/** Nothing is lost but what UDP would lose, and nothing is left. */
export function judgeSoak(report: SoakReport): void {
  for (const result of report.results) judgeClients(result, report);
  judgeServer(report);
}

/**
 * A client that begins anew from its address soon after its worker has died takes its own old place, and has forgotten its old keys. What
 * the server has sent with those before it hears of the new one cannot be opened: a round trip's worth.
 */
const SUCCESSION_SECONDS = 0.005;

function judgeClients(result: ChurnResult, { lostInKernel, crashes }: SoakReport): void {
  const { events, packets, lost, unexplained } = result;
  expect({ 'corrupted, duplicated, unsent': [packets.corrupted, packets.duplicated, packets.unsent] }).toEqual({
    'corrupted, duplicated, unsent': [0, 0, 0],
  });
  expect(lost['session-lost']).toBe(0);
  const late = (begin: number): boolean => crashes.length === 0 || begin > SUCCESSION_SECONDS;
  if (lost.unexplained > lostInKernel) expect(unexplained.filter(({ afterBegin }) => late(afterBegin))).toEqual([]);
  // One in flight in each of its three flows, and what another client sends it before it has spoken again.
  expect(lost.float).toBeLessThanOrEqual(4 * events.floats);
  for (const each of ['connects', 'floats', 'exits', 'kills', 'restarts'] as const)
    expect({ each, happened: events[each] > 0 }).toEqual({ each, happened: true });
  expect(events['sessions-lost']).toBe(0);
  // A handshake may take too long on a busy machine, or be under way in a worker that dies: the next one answers what is
  // sent again, by another TLS session. The client tries again.
  const excused = crashes.length > 0 ? /^handshake: (handshake-timeout|tls-failed)/ : /^handshake: handshake-timeout/;
  expect(Object.keys(result.ended).filter((reason) => !excused.test(reason))).toEqual([]);
}

/**
 * Of packets that were under way from or to a client that had gone, or had been replaced by its next connection. `misrouted`: a
 * control packet that was between two shards just then, which is sent again.
 */
const OF_THE_GONE = new Set(['no-route', 'unknown-peer', 'unknown-key', 'misrouted']);

/** The last word of a session whose client has begun anew from its address: it comes to the shard that has the client now. */
const LAST_WORDS = new Set(['bad-message-id']);

function judgeServer(report: SoakReport): void {
  const { rests, drops, controlDrops, counters, complaints, crashes, workerRestarts } = report;
  const restarts = Object.values(workerRestarts).reduce((sum, count) => sum + count, 0);
  // A crash that hits a worker on its way up is none.
  expect(restarts).toBeLessThanOrEqual(crashes.length);
  expect(restarts > 0).toBe(crashes.length > 0);
  const failures = report.results.some(({ events }) => events['handshakes-failed'] > 0);
  const [before, after] = [rests[0] as Vitals, rests.at(-1) as Vitals];
  // A connection of the admin page may have been open before.
  expect(after.descriptors).toBeLessThanOrEqual(before.descriptors);
  expect(after.threads).toBeLessThanOrEqual(before.threads);
  expect(after.writableMiB - before.writableMiB).toBeLessThan(MAY_GROW_MIB);
  expect(Object.keys(drops).filter((reason) => !OF_THE_GONE.has(reason))).toEqual([]);
  if (crashes.length === 0 && !failures)
    expect(Object.keys(controlDrops).filter((reason) => !LAST_WORDS.has(reason))).toEqual([]);
  for (const fault of [
    'commands-refused',
    'rings-corrupt',
    'worker-ring-full',
    'tun-write-errors',
    'routes-not-steered',
  ])
    expect({ fault, count: counters[fault] ?? 0 }).toEqual({ fault, count: 0 });
  const causes = [
    /fault injection is on/,
    ...(crashes.length > 0 ? [/worker of shard N /, /shard N: no answer within N s/] : []),
    ...(failures ? [/reason=(tls-failed|handshake-timeout)/] : []),
  ];
  expect(Object.keys(complaints).filter((line) => !causes.some((cause) => cause.test(line)))).toEqual([]);
}
