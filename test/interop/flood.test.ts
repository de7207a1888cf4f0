import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { Client } from './lab/client.js';
import { type FloodOrder, startFlood } from './lab/flooder.js';
import type { Running } from './lab/host.js';
import { RELAYED, startHostileRelay } from './lab/hostile-relay.js';
import type { Wrapping } from './lab/keys.js';
import { type Lab, useLab } from './lab/lab.js';
import { startServer } from './lab/server.js';
import { readStatus } from './lab/status.js';

/** The short form is for a busy machine; `npm run flood` is the long one, with 100,000 packets a second. */
const PACKETS_PER_SECOND = Number(process.env.FLOOD_PPS ?? 20_000);
const SECONDS = Number(process.env.FLOOD_SECONDS ?? 5);
const MBITS = Number(process.env.FLOOD_MBITS ?? 20);
const KEPT = Number(process.env.FLOOD_KEPT ?? 0.5);
const NEWCOMER_SECONDS = Number(process.env.FLOOD_NEWCOMER ?? 60);
const { ours } = useLab();

const FLOODS: readonly { readonly kind: FloodOrder['kind']; readonly wrapping: Wrapping }[] = [
  { kind: 'reset', wrapping: 'none' },
  { kind: 'random', wrapping: 'tls-crypt' },
  { kind: 'replay', wrapping: 'tls-auth' },
];

for (const { kind, wrapping } of FLOODS) {
  ours(
    `a flood of ${kind} packets costs a connected client little, and keeps nobody out, ${wrapping}`,
    async (lab) => {
      const server = await startServer(lab, { wrapping, lines: ['verb 3'] });
      const capture = join(lab.folder, `capture-${kind}`);
      const relay = await startHostileRelay(lab, lab.host(2), { capture });
      const client = await Client.connect(lab, 2, { wrapping, remote: RELAYED });
      await client.ping('10.8.0.1', ['-i', '0.01', '-c', '50']);
      relay.signal('SIGUSR1');
      await relay.says(/relay captured \d+/);
      const direct = await Client.connect(lab, 4, { wrapping, name: 'client2' });
      await lab.serverHost.start('iperf3', ['iperf3', '-s', '--forceflush']).says(/Server listening/);
      await measure(direct);
      const before = { bits: await measure(direct), memory: residentMiB(server) };
      const order = { kind, capture, packetsPerSecond: PACKETS_PER_SECOND, seconds: 2 * SECONDS + NEWCOMER_SECONDS };
      const flood = startFlood(lab, lab.host(3), order);
      const during = await measure(direct);
      const began = performance.now();
      const newcomer = Client.start(lab, 5, { wrapping, name: 'client3' });
      await newcomer.connected(1, NEWCOMER_SECONDS);
      const newcomerAfter = (performance.now() - began) / 1000;
      expect(flood.isRunning).toBe(true);
      expect(await newcomer.reaches('10.8.0.1')).toBe(true);
      await flood.stop();
      const memory = residentMiB(server) - before.memory;
      const sent = Number(/sent (\d+) a second/.exec(flood.log())?.[1]);
      const figures = { kind, sent, kept: during / before.bits, newcomerAfter, memory, drops: await dropsOf(lab) };
      console.log(JSON.stringify(figures));
      expect(figures.sent).toBeGreaterThan(1000);
      expect(figures.kept).toBeGreaterThan(KEPT);
      expect(figures.memory).toBeLessThan(64);
      const { clients } = await readStatus(lab);
      expect(clients.map(({ name }) => name).sort()).toEqual(['client1', 'client2', 'client3']);
      for (const one of [client, direct, newcomer]) {
        expect(one.log().match(/Initialization Sequence Completed/g)).toHaveLength(1);
      }
    },
    180 + 4 * SECONDS,
  );
}

/** Bits a second that arrive of a paced stream. */
async function measure(client: Client): Promise<number> {
  const words = ['-c', '10.8.0.1', '-u', '-b', `${MBITS}M`, '-l', '1300', '-t', String(SECONDS), '-J'];
  const { output } = await client.host.exec('iperf3', ...words);
  const { end } = JSON.parse(output) as { end: { sum: { bits_per_second: number; lost_percent: number } } };
  return end.sum.bits_per_second * (1 - end.sum.lost_percent / 100);
}

async function dropsOf(lab: Lab): Promise<Readonly<Record<string, number>>> {
  const { shards } = await readStatus(lab);
  const drops: Record<string, number> = {};
  for (const shard of shards) {
    for (const [reason, count] of Object.entries({ ...shard.drops, ...shard.controlDrops })) {
      if (count > 0) drops[reason] = (drops[reason] ?? 0) + count;
    }
  }
  return drops;
}

function residentMiB({ pid }: Running): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}
