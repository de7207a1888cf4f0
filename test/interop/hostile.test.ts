import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { Client } from './lab/client.js';
import type { Wrapping } from './lab/keys.js';
import { type Lab, useLab } from './lab/lab.js';
import { isOurs, startServer } from './lab/server.js';
import { readStatus, sum } from './lab/status.js';
import { until } from './lab/until.js';

const [NOISE, RELAY] = ['noise.mjs', 'udp-relay.mjs'].map((name) => join(__dirname, 'programs', name)) as [
  string,
  string,
];
const PACKETS = 30_000;
const { scenario } = useLab();

for (const wrapping of ['none', 'tls-auth', 'tls-crypt'] as const satisfies readonly Wrapping[]) {
  scenario(`random bytes on the port change nothing for a connected client, ${wrapping}`, async (lab) => {
    const server = await startServer(lab, { wrapping, lines: ['verb 3'] });
    const client = await Client.connect(lab, 2, { wrapping });
    const noise = () =>
      lab.host(3).exec(process.execPath, NOISE, lab.serverHost.ipv4, '1194', String(PACKETS), String(server.pid));
    await noise();
    const before = { memory: residentMiB(server.pid), drops: await dropsOf(lab) };
    const pings = client.ping('10.8.0.1', ['-i', '0.05', '-c', '60', '-W', '2']);
    expect((await noise()).code).toBe(0);
    expect((await pings).received).toBe(60);
    expect(residentMiB(server.pid) - before.memory).toBeLessThan(24);
    if (isOurs) await until('it is counted', async () => (await dropsOf(lab)) - before.drops > PACKETS * 0.9);
    const newcomer = await Client.connect(lab, 3, { name: 'client2', wrapping });
    expect(await newcomer.reaches('10.8.0.1')).toBe(true);
  });

  scenario(`replayed and truncated packets of a client change nothing for it, ${wrapping}`, async (lab) => {
    const server = await startServer(lab, { wrapping });
    const source = lab.host(2).ipv4;
    const words = [process.execPath, RELAY, '7000', lab.serverHost.ipv4, '1194', source];
    const relay = lab.host(2).start('relay', words, { env: { PACED_BY: String(server.pid) } });
    await relay.says(/relay from/);
    const client = await Client.connect(lab, 2, { remote: '127.0.0.1 7000 udp4', wrapping });
    await client.ping('10.8.0.1', ['-i', '0.01', '-c', '300']);
    const before = { memory: residentMiB(server.pid), drops: await dropsOf(lab) };
    const pings = client.ping('10.8.0.1', ['-i', '0.05', '-c', '80', '-W', '2']);
    relay.signal('SIGUSR1');
    await relay.says(/relay replayed \d+/);
    expect((await pings).received).toBe(80);
    expect(residentMiB(server.pid) - before.memory).toBeLessThan(24);
    if (isOurs) await until('it is counted', async () => (await dropsOf(lab)) - before.drops > 300);
    expect(client.log().match(/Initialization Sequence Completed/g)).toHaveLength(1);
  });
}

async function dropsOf(lab: Lab): Promise<number> {
  if (!isOurs) return 0;
  const { shards } = await readStatus(lab);
  return shards.reduce(
    (total, { drops, controlDrops, counters }) =>
      total + sum(drops) + sum(controlDrops) + (counters['udp-filtered'] ?? 0) + (counters['udp-filtered-resets'] ?? 0),
    0,
  );
}

function residentMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}
