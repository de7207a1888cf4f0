import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, expect } from '@jest/globals';
import { writeClientConfig } from './lab/client.js';
import { type Lab, useLab } from './lab/lab.js';
import { startServer } from './lab/server.js';
import { readStatus } from './lab/status.js';

const { ours } = useLab();
const bench = resolve(__dirname, '../../bench');
/** More shards than processors: what a larger machine runs is right, if not fast. `SHARDS=1,2,4,8,16,32` for others. */
const SHARDS = (process.env.SHARDS ?? '1,2,8,32').split(',').map(Number);
const SECONDS = 2;
const PPS = 40;

/** The first build takes a minute; later ones find nothing to do. */
beforeAll(() => void execFileSync(process.execPath, [join(bench, 'load/build.mjs')], { stdio: 'inherit' }), 600_000);

/** Packets from client to client, numbered and hashed; the result of the load generator. */
const exchange = async (lab: Lab, clients: number): Promise<Record<string, number>> => {
  const json = join(lab.folder, 'load.json');
  const words = [`--config ${writeClientConfig(lab)}`, `--clients ${clients}`, `--rate 30`, `--seconds ${SECONDS}`];
  const traffic = [`--send paced:${PPS}`, '--size 1200', `--json ${json}`];
  const command = [...words, ...traffic].flatMap((text) => text.split(' '));
  const program = join(bench, 'dist/harness/programs/run-load.js');
  const { code, output } = await lab.host(2).exec(process.execPath, program, ...command);
  expect(`${code} ${output}`).toMatch(/^0 /);
  const result = JSON.parse(readFileSync(json, 'utf8')) as { connected: number; traffic: Record<string, number> };
  expect(result.connected).toBe(clients);
  return result.traffic;
};

for (const shards of SHARDS) {
  ours(`${shards} shards: every packet between clients arrives whole, once and in order`, async (lab) => {
    const lines = ['duplicate-cn', 'client-to-client', `workers ${shards}`];
    const server = await startServer(lab, { lines });
    const clients = Math.max(8, 2 * shards);
    const traffic = await exchange(lab, clients);
    expect(traffic).toMatchObject({ unsent: 0, corrupted: 0, duplicated: 0, reordered: 0 });
    // Of what a machine does not let it send in time it sends nothing later.
    expect(traffic.sent).toBeGreaterThan(0.1 * clients * PPS * SECONDS);
    // The machine may be busy, and UDP may lose then; a shard that is not reached would lose a share.
    expect(traffic.received).toBeGreaterThan(0.98 * (traffic.sent ?? 0));
    const status = await readStatus(lab);
    expect(status.shards).toHaveLength(shards);
    const hops = status.shards.map((shard) => shard.hops['client-to-client'] ?? 0);
    const hopped = hops.reduce((sum, count) => sum + count, 0);
    if (shards === 1) expect(hopped).toBe(0);
    else expect(hopped).toBeGreaterThan(0.1 * (traffic.received ?? 0));
    for (const { drops, counters, hops: taken } of status.shards) {
      expect(drops).not.toHaveProperty('misrouted');
      expect(drops).not.toHaveProperty('hop-full');
      expect(counters).toMatchObject({ 'rings-corrupt': 0, 'commands-refused': 0 });
      // Datagrams with peer-ids come to the right socket at once.
      expect(taken['data-v2'] ?? 0).toBe(0);
    }
    expect(server.log()).not.toMatch(/panicked|does not answer/);
  });
}
