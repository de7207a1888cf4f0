import { expect } from '@jest/globals';
import { Client } from './lab/client.js';
import { useLab } from './lab/lab.js';
import { startServer } from './lab/server.js';
import { readStatus, statusWith } from './lab/status.js';

const CLIENTS = 16;
const { scenario, ours } = useLab();

scenario('sixteen clients at once, and every one reaches every other', async (lab) => {
  await startServer(lab, { lines: ['client-to-client'] });
  const clients = Array.from({ length: CLIENTS }, (_, n) => Client.start(lab, n + 2, { name: `client${n + 1}` }));
  await Promise.all(clients.map((client) => client.connected()));
  const addresses = clients.map((client) => client.ipv4);
  expect(new Set(addresses).size).toBe(CLIENTS);
  await Promise.all(
    clients.map(async (client, n) => {
      for (const step of [1, 2, 5, 8]) {
        const target = addresses[(n + step) % CLIENTS] as string;
        expect({ from: n, target, reached: await client.reaches(target, 1200) }).toEqual({
          from: n,
          target,
          reached: true,
        });
      }
      expect((await client.ping('10.8.0.1', ['-i', '0.05', '-c', '40'])).received).toBe(40);
    }),
  );
});

ours('the clients of two shards carry traffic, also to each other', async (lab) => {
  await startServer(lab, { lines: ['client-to-client', 'workers 2'] });
  const clients = Array.from({ length: CLIENTS }, (_, n) => Client.start(lab, n + 2, { name: `client${n + 1}` }));
  await Promise.all(clients.map((client) => client.connected()));
  const { clients: listed } = await statusWith(lab, CLIENTS);
  const shardOf = new Map(listed.map(({ ipv4, shard }) => [ipv4, shard]));
  const byShard = [0, 1].map((shard) => clients.filter((client) => shardOf.get(client.ipv4) === shard));
  expect(byShard.map((group) => group.length)).toEqual([expect.any(Number), expect.any(Number)]);
  const [left, right] = byShard.map((group) => group[0]);
  if (!left || !right) throw new Error(`all ${CLIENTS} clients are on one shard`);
  for (const [from, to] of [
    [left, right],
    [right, left],
  ] as const) {
    expect((await from.ping(to.ipv4, ['-i', '0.02', '-c', '100', '-s', '1300'])).received).toBe(100);
  }
  await Promise.all(clients.map((client) => client.ping('10.8.0.1', ['-i', '0.05', '-c', '20'])));
  const after = await readStatus(lab);
  for (const shard of [0, 1]) {
    const bytes = after.clients.filter((client) => client.shard === shard).reduce((n, c) => n + c.bytesReceived, 0);
    expect(bytes).toBeGreaterThan(100 * 1300);
  }
  const hops = after.shards.reduce((n, shard) => n + Object.values(shard.hops).reduce((a, b) => a + b, 0), 0);
  expect(hops).toBeGreaterThanOrEqual(200);
});

ours('without client-to-client a client reaches another only through the machine', async (lab) => {
  await startServer(lab);
  await lab.serverHost.exec('sysctl', '-qw', 'net.ipv4.ip_forward=0');
  const first = await Client.connect(lab, 2);
  const second = await Client.connect(lab, 3, { name: 'client2' });
  expect(await first.reaches(second.ipv4, 56, 2)).toBe(false);
});
