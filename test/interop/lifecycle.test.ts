import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { Client } from './lab/client.js';
import { type Lab, useLab } from './lab/lab.js';
import { linesOf } from './lab/measure.js';
import { POOL_OF_TWO, type ServerSettings, startServer } from './lab/server.js';
import { sleep, until, withinSeconds } from './lab/until.js';

const RELAY = join(__dirname, 'programs/udp-relay.mjs');
const TWO_ADDRESSES: ServerSettings = { ...POOL_OF_TWO, lines: [...(POOL_OF_TWO.lines ?? []), 'keepalive 1 3'] };
const { scenario } = useLab();

scenario('a client killed with -9 comes back at once to its address', async (lab) => {
  await startServer(lab);
  const first = await Client.connect(lab, 2);
  await Client.connect(lab, 3, { name: 'client2' });
  first.process.signal('SIGKILL');
  await first.process.ended;
  const again = await Client.connect(lab, 2);
  expect(again.ipv4).toBe(first.ipv4);
  expect(await again.reaches('10.8.0.1')).toBe(true);
});

scenario("the address of a client killed with -9 is another's after ping-restart", async (lab) => {
  await startServer(lab, TWO_ADDRESSES);
  const first = await Client.connect(lab, 2);
  await Client.connect(lab, 4, { name: 'client3' });
  first.process.signal('SIGKILL');
  await first.process.ended;
  const second = await withAddress(lab);
  expect(second.ipv4).toBe(first.ipv4);
  expect(await second.reaches('10.8.0.1')).toBe(true);
});

scenario('a client that leaves politely frees its address', async (lab) => {
  await startServer(lab, TWO_ADDRESSES);
  const first = await Client.connect(lab, 2, { lines: ['explicit-exit-notify 1'] });
  await Client.connect(lab, 4, { name: 'client3' });
  await first.stop();
  const second = await withAddress(lab);
  expect(second.ipv4).toBe(first.ipv4);
});

scenario('a client goes on from another source port and another address', async (lab) => {
  const server = await startServer(lab, { lines: ['keepalive 1 10'] });
  const host = lab.host(2);
  host.ip('addr', 'add', '192.0.2.200/24', 'dev', 'net0');
  const sources = [host.ipv4, host.ipv4, '192.0.2.200'];
  const relay = host.start('relay', [process.execPath, RELAY, '7000', lab.serverHost.ipv4, '1194', ...sources]);
  await relay.says(/relay from/);
  const client = await Client.connect(lab, 2, { remote: '127.0.0.1 7000 udp4', lines: ['reneg-sec 6'] });
  for (const [at, move] of ['port', 'address'].entries()) {
    const pings = client.ping('10.8.0.1', ['-i', '0.1', '-c', '40', '-W', '2']);
    await sleep(1500);
    relay.signal('SIGUSR2');
    const { sent, received } = await pings;
    expect({ move, sent, fewLost: sent - received <= 2 }).toEqual({ move, sent: 40, fewLost: true });
    await until('the server has followed', () => linesOf(relay, /relay is followed/) === at + 1);
  }
  // The control channel has to follow as well: a renegotiation from the new address succeeds.
  const had = handshakes(client);
  await until('a renegotiation', () => handshakes(client) > had);
  expect(await client.reaches('10.8.0.1')).toBe(true);
  expect(client.log().match(/Initialization Sequence Completed/g)).toHaveLength(1);
  expect(server.isRunning).toBe(true);
  host.ip('addr', 'del', '192.0.2.200/24', 'dev', 'net0');
});

scenario('SIGTERM tells the clients and ends within 3 s with exit code 0', async (lab) => {
  await withinSeconds(3, async () => {
    const server = await startServer(lab, { lines: ['explicit-exit-notify 1'] });
    const clients = [await Client.connect(lab, 2), await Client.connect(lab, 3, { name: 'client2', actAs: 6 })];
    const begin = performance.now();
    expect(await server.stop()).toBe(0);
    const seconds = (performance.now() - begin) / 1000;
    for (const client of clients) await client.process.says(/server-pushed-connection-reset/);
    await lab.stopAll();
    return seconds;
  });
});

scenario('SIGINT ends it as well', async (lab) => {
  const server = await startServer(lab);
  server.signal('SIGINT');
  expect(await server.ended).toBe(0);
});

scenario('a client notices a dead server and comes back to the next one', async (lab) => {
  const server = await startServer(lab, { lines: ['keepalive 1 3'] });
  const client = await Client.connect(lab, 2);
  server.signal('SIGKILL');
  await server.ended;
  const before = client.log().length;
  await until('it notices', () => /Inactivity timeout \(--ping-restart\)/.test(client.log().slice(before)));
  const had = client.connections;
  await startServer(lab, { lines: ['keepalive 1 3'] });
  await client.connected(had + 1);
  expect(await client.reaches('10.8.0.1')).toBe(true);
});

scenario('a silent client is dropped after ping-restart', async (lab: Lab) => {
  const status = join(lab.folder, 'silent.status');
  await startServer(lab, { lines: ['keepalive 1 3', `status ${status} 1`, 'status-version 2'] });
  const client = await Client.connect(lab, 2);
  await until('the status lists the client', () => listed(status));
  client.process.signal('SIGSTOP');
  try {
    await until('the status has forgotten the client', () => !listed(status));
  } finally {
    client.process.signal('SIGCONT');
  }
});

/** Client 2 on host 3, as soon as the server has an address for it. The reference lets a client in without one. */
async function withAddress(lab: Lab): Promise<Client> {
  return until(
    'there is a free address',
    async () => {
      const client = Client.start(lab, 3, { name: 'client2' });
      await client.connected().catch(() => {});
      if (client.log().includes('net_addr_v4_add')) return client;
      await client.stop();
      return null;
    },
    { seconds: 120 },
  );
}

const handshakes = (client: Client): number => [...client.log().matchAll(/Control Channel: TLSv/g)].length;

function listed(file: string): boolean {
  try {
    return /^CLIENT_LIST,client1,/m.test(readFileSync(file, 'utf8'));
  } catch {
    return false;
  }
}
