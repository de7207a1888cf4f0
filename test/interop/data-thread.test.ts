import { expect } from '@jest/globals';
import { Client } from './lab/client.js';
import { type Lab, useLab } from './lab/lab.js';
import { injectFault, startServer } from './lab/server.js';
import { readStatus, statusWith, totalsOf } from './lab/status.js';
import { until } from './lab/until.js';

const { ours } = useLab();

/** Twenty seconds of it, which is longer than the faults take. */
const STEADY = ['-i', '0.05', '-c', '400', '-W', '2'] as const;

ours('a data thread that fails starts anew: its clients are told, and nobody else notices', async (lab) => {
  const server = await startServer(lab, { faults: true, lines: ['duplicate-cn', 'keepalive 10 600'] });
  const clients = [await Client.connect(lab, 2), await Client.connect(lab, 3), await Client.connect(lab, 4)];
  const shards = await Promise.all(clients.map((client) => shardOf(lab, client)));
  const [failing] = shards as [number];
  const hit = clients.filter((_, i) => shards[i] === failing);
  // Clients land on a shard by their random session ids: there may be none on the other one.
  const spared = clients.filter((client) => !hit.includes(client));
  const pings = Promise.all(spared.map((client) => client.ping('10.8.0.1', STEADY)));
  injectFault(lab, 'panic', failing);
  await server.says(told(failing, 1), 60);
  for (const client of hit) {
    await client.connected(2, 60);
    expect(client.log()).toMatch(/server-pushed-connection-reset/);
  }
  injectFault(lab, 'panic', failing);
  await server.says(told(failing, 2), 60);
  for (const client of hit) await until('it is served', () => client.reaches('10.8.0.1', 56, 2));
  for (const counts of await pings) expect(counts).toEqual({ sent: 400, received: 400 });
  for (const client of spared) expect(client.log().match(/Initialization Sequence Completed/g)).toHaveLength(1);
  const status = await statusWith(lab, 3);
  expect(new Set(status.clients.map(({ ipv4 }) => ipv4)).size).toBe(3);
  expect(status.shards.map(({ state }) => state)).toEqual(['running', 'running']);
  expect(totalsOf(status)).toMatchObject({ panics: 2, 'rings-corrupt': 0 });
});

const told = (shard: number, times: number): RegExp =>
  new RegExp(`data thread of shard ${shard} failed and starts anew.*injected panic \\(.*panics=${times}`);

const shardOf = async (lab: Lab, client: Client): Promise<number> => {
  const { shard } = await until(`a client with ${client.ipv4}`, async () =>
    (await readStatus(lab)).clients.find(({ ipv4 }) => ipv4 === client.ipv4),
  );
  return shard;
};
