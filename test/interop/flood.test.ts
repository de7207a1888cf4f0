import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { Client } from './lab/client.js';
import { FLOOD_KINDS, type FloodKind, type FloodOrder, NOBODYS_PORT, startFlood } from './lab/flooder.js';
import type { Running } from './lab/host.js';
import { RELAYED, startHostileRelay } from './lab/hostile-relay.js';
import { iperf } from './lab/iperf.js';
import type { Wrapping } from './lab/keys.js';
import { type Lab, useLab } from './lab/lab.js';
import { cpuSeconds } from './lab/measure.js';
import { isOurs, startServer } from './lab/server.js';
import { readStatus, statusWith, totalsOf } from './lab/status.js';
import { sleep } from './lab/until.js';

/** The short form is for a busy machine; `npm run flood` is the long one, with 100,000 packets a second for a minute. */
const { FLOOD_PPS = '20000', FLOOD_SECONDS = '3', FLOOD_MBITS = '20', FLOOD_LASTS, FLOOD_ONLY } = process.env;
const { FLOOD_KEPT = '0.5', FLOOD_NEWCOMER = '60', FLOOD_BESIDE } = process.env;
const [PACKETS_PER_SECOND, SECONDS, MBITS] = [FLOOD_PPS, FLOOD_SECONDS, FLOOD_MBITS].map(Number) as [
  number,
  number,
  number,
];
/** Seconds of the whole flood: the memory of its tenth second and of its end are compared. Without it the flood ends when all is seen. */
const LASTS = Number(FLOOD_LASTS ?? 0);
const TRIES = 5;
const NEWCOMER_SECONDS = Number(FLOOD_NEWCOMER);
const { ours, scenario } = useLab();

const WRAPPINGS: Readonly<Record<FloodKind, Wrapping>> = {
  reset: 'none',
  twice: 'none',
  random: 'tls-crypt',
  replay: 'tls-auth',
};

/** Of these the kernel drops some once so many a second come. */
const IS_FILTERED: ReadonlySet<FloodKind> = new Set(['reset', 'random']);
const ENOUGH_TO_FILTER = 15_000;

/** MiB that the server may have more at the end than after ten seconds. */
const MOST_GROWTH = 8;

for (const kind of FLOOD_KINDS.filter((one) => FLOOD_ONLY === undefined || FLOOD_ONLY === one)) {
  const wrapping = WRAPPINGS[kind];
  ours(
    `a flood of ${kind} packets costs a connected client little, and keeps nobody out, ${wrapping}`,
    async (lab) => {
      const { server, capture, clients } = await beginTunnels(lab, kind);
      const order = { kind, capture, packetsPerSecond: PACKETS_PER_SECOND };
      const { alone, beside } = await measureWithout(lab, order, clients);
      const before = { memory: residentMiB(server), totals: totalsOf(await readStatus(lab)) };
      const flood = await beginFlood(lab, { ...order, seconds: 2 * TRIES * SECONDS + NEWCOMER_SECONDS + LASTS });
      const { during, serverCpu } = await measureUntilKept(server, clients, Number(FLOOD_KEPT) * alone);
      const began = performance.now();
      const newcomer = Client.start(lab, 5, { wrapping, name: 'client3' });
      await newcomer.connected(1, NEWCOMER_SECONDS);
      const newcomerAfter = (performance.now() - began) / 1000;
      expect(await newcomer.reaches('10.8.0.1')).toBe(true);
      const memory = await watchMemory(server, flood);
      expect(flood.running.isRunning).toBe(true);
      const seconds = (performance.now() - flood.began) / 1000;
      await flood.running.stop();
      const figures = {
        kind,
        ...report(flood),
        ...(await arrived(lab, before.totals, seconds)),
        kept: during / alone,
        ...(beside === null ? {} : { keptBeside: during / beside }),
        mbits: during / 1e6,
        serverCpu,
        newcomerAfter,
        memoryBefore: before.memory,
        ...memory,
      };
      console.log(JSON.stringify(figures));
      expect(figures.sent).toBeGreaterThan(PACKETS_PER_SECOND / (LASTS === 0 ? 20 : 1.1));
      expect(figures.kept).toBeGreaterThan(Number(FLOOD_KEPT));
      expect(memory.memoryAtEnd - before.memory).toBeLessThan(32);
      if (LASTS > 0) expect(memory.memoryAtEnd - memory.memoryAt10s).toBeLessThan(MOST_GROWTH);
      expect(figures.answered).toBeGreaterThan(0);
      if (IS_FILTERED.has(kind) && figures.sent > ENOUGH_TO_FILTER) expect(figures.filtered).toBeGreaterThan(0);
      const names = (await statusWith(lab, 3)).clients.map(({ name }) => name);
      expect(names.sort()).toEqual(['client1', 'client2', 'client3']);
      for (const one of [clients.captured, clients.direct, newcomer]) {
        expect(one.log().match(/Initialization Sequence Completed/g)).toHaveLength(1);
      }
    },
    400 + 2 * TRIES * SECONDS + LASTS,
  );
}

/** `npm run flood -- --server openvpn`: figures to compare with, and no judgement. */
for (const kind of isOurs || FLOOD_BESIDE === undefined ? [] : FLOOD_KINDS) {
  if (FLOOD_ONLY !== undefined && FLOOD_ONLY !== kind) continue;
  scenario(
    `what the reference server keeps in a flood of ${kind} packets`,
    async (lab) => {
      const { server, capture, clients } = await beginTunnels(lab, kind);
      const order = { kind, capture, packetsPerSecond: PACKETS_PER_SECOND };
      const { alone, beside } = await measureWithout(lab, order, clients);
      const flood = await beginFlood(lab, { ...order, seconds: 2 * SECONDS + NEWCOMER_SECONDS + LASTS });
      const { during, serverCpu } = await measureDuring(server, clients);
      const began = performance.now();
      const newcomer = Client.start(lab, 5, { wrapping: WRAPPINGS[kind], name: 'client3' });
      const connects = await newcomer.connected(1, NEWCOMER_SECONDS).then(
        () => true,
        () => false,
      );
      const newcomerAfter = connects ? (performance.now() - began) / 1000 : null;
      await flood.running.stop();
      const kept = { kept: during / alone, keptBeside: during / (beside ?? Number.NaN), mbits: during / 1e6 };
      console.log(JSON.stringify({ server: 'openvpn', kind, ...report(flood), ...kept, serverCpu, newcomerAfter }));
    },
    240 + 6 * SECONDS + LASTS,
  );
}

interface Tunnels {
  /** Its packets are known to the flooder. */
  readonly captured: Client;
  /** Carries the stream. */
  readonly direct: Client;
}

async function beginTunnels(
  lab: Lab,
  kind: FloodKind,
): Promise<{ server: Running; capture: string; clients: Tunnels }> {
  const wrapping = WRAPPINGS[kind];
  const server = await startServer(lab, { wrapping, lines: ['verb 3'] });
  const { capture, client } = await captureClient(lab, kind);
  const direct = await Client.connect(lab, 4, { wrapping, name: 'client2' });
  await lab.serverHost.start('iperf3', ['iperf3', '-s', '--forceflush']).says(/Server listening/);
  return { server, capture, clients: { captured: client, direct } };
}

/** What the stream has without a flood, and, if asked for, beside one that costs the machine the same and is not the server's. */
async function measureWithout(
  lab: Lab,
  order: Omit<FloodOrder, 'seconds'>,
  { direct }: Tunnels,
): Promise<{ alone: number; beside: number | null }> {
  const alone = await measure(direct);
  if (FLOOD_BESIDE === undefined) return { alone, beside: null };
  const { running } = await beginFlood(lab, { ...order, port: NOBODYS_PORT, seconds: 2 * SECONDS + 60 });
  const beside = await measure(direct);
  await running.stop();
  return { alone, beside };
}

async function measureDuring(server: Running, { direct }: Tunnels): Promise<{ during: number; serverCpu: number }> {
  const cpu = cpuSeconds(server);
  const during = await measure(direct);
  return { during, serverCpu: (cpuSeconds(server) - cpu) / SECONDS };
}

/** In the short form, which runs where others may have the processor: the first measurement above `enough`, or the last one. */
async function measureUntilKept(
  server: Running,
  clients: Tunnels,
  enough: number,
): Promise<{ during: number; serverCpu: number }> {
  for (let tries = LASTS === 0 ? TRIES : 1; tries > 1; tries--) {
    const measured = await measureDuring(server, clients);
    if (measured.during > enough) return measured;
  }
  return measureDuring(server, clients);
}

/** A client whose packets, or some of them, are written to a file for the flood of kind `replay`. */
async function captureClient(lab: Lab, kind: FloodKind): Promise<{ capture: string; client: Client }> {
  const wrapping = WRAPPINGS[kind];
  const capture = join(lab.folder, `capture-${kind}`);
  const relay = await startHostileRelay(lab, lab.host(2), { capture });
  const client = await Client.connect(lab, 2, { wrapping, remote: RELAYED });
  await client.ping('10.8.0.1', ['-i', '0.01', '-c', '50']);
  relay.signal('SIGUSR1');
  await relay.says(/relay captured \d+/);
  return { capture, client };
}

/** Packets a second that left, and the share of a CPU that they took with all that the kernel does for their way to the server. */
function report({ running }: Flood): { sent: number; flooderCpu: number } {
  const [, sent, percent] = /sent (\d+) a second with (\d+) %/.exec(running.log()) ?? [];
  return { sent: Number(sent), flooderCpu: Number(percent) / 100 };
}

interface Flood {
  readonly running: Running;
  readonly began: number;
}

async function beginFlood(lab: Lab, order: FloodOrder): Promise<Flood> {
  return { running: await startFlood(lab, lab.host(3), order), began: performance.now() };
}

/** After ten seconds of the flood and at its end, in MiB. */
async function watchMemory(server: Running, { began }: Flood): Promise<{ memoryAt10s: number; memoryAtEnd: number }> {
  const until = (seconds: number): Promise<void> => sleep(began + 1000 * seconds - performance.now());
  if (LASTS > 0) await until(10);
  const memoryAt10s = residentMiB(server);
  await until(LASTS);
  return { memoryAt10s, memoryAtEnd: residentMiB(server) };
}

/** Bits a second that arrive of a paced stream over UDP; of one over TCP, which takes all it gets, with 0 Mbit/s. */
async function measure(client: Client): Promise<number> {
  const pace = MBITS === 0 ? [] : ['-u', '-b', `${MBITS}M`, '-l', '1300'];
  const end = await iperf(client.host, '10.8.0.1', [...pace, '-t', String(SECONDS)]);
  const { bits_per_second = 0, lost_percent = 0 } = (MBITS === 0 ? end.sum_received : end.sum) ?? {};
  return bits_per_second * (1 - lost_percent / 100);
}

/** What the data threads took in a second, and what has become of it since `before`. */
async function arrived(
  lab: Lab,
  before: Readonly<Record<string, number>>,
  seconds: number,
): Promise<Readonly<Record<string, unknown>> & { readonly answered: number; readonly filtered: number }> {
  const status = await readStatus(lab);
  const totals = totalsOf(status);
  const since = (name: string): number => (totals[name] ?? 0) - (before[name] ?? 0);
  const names = Object.keys(totals).filter((name) => name.startsWith('drop ') && since(name) > 0);
  return {
    received: Math.round(since('udp-received') / seconds),
    lost: since('udp-lost'),
    answered: since('stateless-answers'),
    filtered: since('udp-filtered') + since('udp-filtered-resets'),
    drops: Object.fromEntries(names.map((name) => [name.slice('drop '.length), since(name)])),
    controlDrops: status.shards.map(({ controlDrops }) =>
      Object.fromEntries(Object.entries(controlDrops).filter(([, count]) => count > 0)),
    ),
  };
}

function residentMiB({ pid }: Running): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}
