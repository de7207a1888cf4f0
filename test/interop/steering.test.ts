import { expect } from '@jest/globals';
import { Client } from './lab/client.js';
import type { Host } from './lab/host.js';
import { type Lab, useLab } from './lab/lab.js';
import { pingAll } from './lab/ping.js';
import { type ServerSettings, startServer } from './lab/server.js';
import { readStatus, type Status, statusWith, totalsOf } from './lab/status.js';
import { until } from './lab/until.js';

const { ours } = useLab();
const SHARDS = 4;
const CLIENTS = 6;
const PINGS = 40;
const LINES = [`workers ${SHARDS}`, 'server-ipv6 fd00:8::/64'];
/** Root without the right to bpf(). */
const WITHOUT_BPF = ['setpriv', '--bounding-set=-bpf,-sys_admin'];

const connect = async (lab: Lab, first = 0): Promise<Client[]> => {
  const clients = Array.from({ length: CLIENTS }, (_, n) =>
    Client.start(lab, first + n + 2, { name: `client${first + n + 1}` }),
  );
  await Promise.all(clients.map((client) => client.connected()));
  return clients;
};

/** Packets that the TUN gave to the shard that owns them, and those that took a hop. */
const arrivals = ({ shards }: Status): { own: number; hopped: number } => ({
  own: shards.reduce((total, { counters }) => total + (counters['tun-own-queue'] ?? 0), 0),
  hopped: shards.reduce((total, { hops }) => total + (hops.outbound ?? 0), 0),
});

/** Flows from both ends: echo requests of the server to every client and of every client to the server, IPv4 and IPv6. */
const exchange = async (lab: Lab, clients: readonly Client[]): Promise<{ own: number; hopped: number }> => {
  const before = arrivals(await readStatus(lab));
  const lost: string[] = [];
  const ping = async (host: Host, target: string): Promise<void> => {
    const { received } = await pingAll(host, target, ['-c', String(PINGS), '-i', '0.05']);
    if (received < PINGS) lost.push(`${target}: ${received}`);
  };
  await Promise.all(
    clients.flatMap(({ host, ipv4, ipv6 }) => [
      ping(lab.serverHost, ipv4),
      ping(lab.serverHost, ipv6),
      ping(host, '10.8.0.1'),
      ping(host, 'fd00:8::1'),
    ]),
  );
  const status = await readStatus(lab);
  expect({ lost, totals: lost.length > 0 && totalsOf(status) }).toEqual({ lost: [], totals: false });
  const after = arrivals(status);
  return { own: after.own - before.own, hopped: after.hopped - before.hopped };
};

/** A TCP connection is born with a reply inside the write, for which the kernel has no flow yet. */
const connectOften = async (lab: Lab, client: Client): Promise<void> => {
  const server = "require('net').createServer((s) => s.pipe(s)).listen(7007, () => console.log('listening'))";
  await lab.serverHost.start('echo', [process.execPath, '-e', server]).says(/listening/);
  const connections = `let left = 40;
    const next = () => left-- > 0 && require('net').connect(7007, '10.8.0.1', function () {
      this.once('data', () => { this.destroy(); next(); }).write('x');
    });
    next();`;
  expect(await client.host.exec(process.execPath, '-e', connections)).toEqual({ code: 0, output: '' });
};

const shardsOf = async (lab: Lab): Promise<Map<string, number>> =>
  new Map((await statusWith(lab, CLIENTS)).clients.map(({ name, shard }) => [name, shard]));

/** Clients land on shards by chance. */
async function connectUntil(lab: Lab, isWanted: (shards: Map<string, number>) => boolean): Promise<Client[]> {
  for (let tries = 5; tries > 0; tries--) {
    const clients = await connect(lab);
    if (isWanted(await shardsOf(lab))) return clients;
    await Promise.all(clients.map((client) => client.stop()));
  }
  throw new Error('five times the clients were not on the shards that were wanted');
}

const EXPECTED = 4 * CLIENTS * PINGS;

ours('packets arrive at their shards while clients come, go and move, after user and group', async (lab) => {
  const server = await startServer(lab, { lines: [...LINES, 'user nobody', 'group nogroup'] });
  await server.says(/tunnel device tun0.*steering=bpf/);
  const clients = await connectUntil(lab, (shards) => new Set(shards.values()).size > 1);
  const before = await shardsOf(lab);
  await connectOften(lab, clients[0] as Client);
  const first = await exchange(lab, clients);
  // The next connections get the old addresses on other shards.
  await Promise.all(clients.map((client) => client.stop()));
  const again = await connectUntil(lab, (shards) => [...shards].some(([name, shard]) => before.get(name) !== shard));
  const second = await exchange(lab, again);
  for (const { own, hopped } of [first, second]) {
    expect(own).toBeGreaterThanOrEqual(EXPECTED);
    expect(hopped).toBe(0);
  }
  expect(arrivals(await readStatus(lab)).hopped).toBe(0);
});

ours('a device made anew steers as before', async (lab) => {
  const server = await startServer(lab, { lines: LINES });
  const clients = await connect(lab);
  lab.serverHost.ip('link', 'del', 'tun0');
  await server.says(/tun0 has been made anew/);
  for (const client of clients) await until('packets pass', () => client.reaches('fd00:8::1', 56, 2));
  expect((await exchange(lab, clients)).hopped).toBe(0);
});

ours('where bpf() is not permitted, packets take hops and nothing is lost', async (lab) => {
  const settings: ServerSettings = { lines: LINES, prefix: WITHOUT_BPF };
  const server = await startServer(lab, settings);
  const clients = await connect(lab);
  await connectOften(lab, clients[0] as Client);
  const { own, hopped } = await exchange(lab, clients);
  expect(own + hopped).toBeGreaterThanOrEqual(EXPECTED);
  expect(hopped).toBeGreaterThan(0);
  expect([
    ...server.log().matchAll(/warning: packets for tun0 are steered by flow.*needs root or CAP_BPF/g),
  ]).toHaveLength(1);
  const { shards } = await readStatus(lab);
  expect(shards.map(({ drops }) => drops['hop-full'] ?? 0)).toEqual(shards.map(() => 0));
});
