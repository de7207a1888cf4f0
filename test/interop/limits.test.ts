import { expect } from '@jest/globals';
import { Client } from './lab/client.js';
import type { Host } from './lab/host.js';
import { type Lab, useLab } from './lab/lab.js';
import { readCounter } from './lab/measure.js';
import { OurClient } from './lab/our-client.js';
import { startServer } from './lab/server.js';
import { until } from './lab/until.js';

const { ours } = useLab();
const PATIENT = { seconds: 60 };

ours('reneg-bytes: new keys again and again under traffic, without a lost packet', async (lab) => {
  const lines = ['reneg-sec 0', 'reneg-bytes 150000', 'hand-window 6'];
  await startServer(lab, { lines });
  const client = await Client.connect(lab, 2, { lines: ['reneg-sec 0', 'hand-window 6'] });
  const counts = await client.ping('10.8.0.1', ['-i', '0.02', '-c', '700', '-s', '1300', '-W', '5']);
  expect(counts).toEqual({ sent: 700, received: 700 });
  expect(await readCounter(lab, 'keys-full-of-bytes')).toBeGreaterThanOrEqual(2);
});

ours('inactive: a client that only pings is dropped and told, a busy one stays', async (lab) => {
  const server = await startServer(lab, { lines: ['keepalive 1 60', 'inactive 6'] });
  const idle = await Client.connect(lab, 2);
  const busy = await Client.connect(lab, 3, { name: 'client2' });
  const pings = busy.ping('10.8.0.1', ['-i', '0.5', '-c', '30', '-W', '5']);
  await server.says(/client1 disconnected.*reason=inactive/, 60);
  await idle.process.says(/server-pushed-connection-reset/, 60);
  expect(await pings).toEqual({ sent: 30, received: 30 });
  expect(server.log()).not.toMatch(/client2 disconnected/);
  const { body } = await lab.serverHost.get('http://127.0.0.1:8505/metrics');
  expect(body).toMatch(/^shardvpn_ended_sessions_total\{reason="inactive"\} [1-9]/m);
});

ours('session-timeout: a busy client is dropped as well, and our client obeys a pushed one', async (lab) => {
  const server = await startServer(lab, { lines: ['session-timeout 5', 'push "session-timeout 600"'] });
  const client = await Client.connect(lab, 2);
  const pings = client.ping('10.8.0.1', ['-i', '0.2', '-c', '50', '-W', '5']);
  await server.says(/client1 disconnected.*reason=session-timeout/, 60);
  await client.connected(2, 60);
  await pings;
  await lab.stopAll();
  await startServer(lab, { lines: ['push "session-timeout 4"'] });
  const own = await OurClient.connect(lab, 2, { lines: ['session-timeout 600'] });
  expect(await own.process.ended).toBe(0);
  expect(own.log()).toMatch(/ends: session-timeout/);
});

ours('multihome: answers come from the address that was hit', async (lab) => {
  const { serverHost } = lab;
  const [second, second6] = ['192.0.2.200', '2001:db8::200'];
  serverHost.ip('addr', 'add', `${second}/24`, 'dev', 'net0');
  serverHost.ip('addr', 'add', `${second6}/64`, 'dev', 'net0', 'nodad');
  try {
    await startServer(lab);
    const lost = Client.start(lab, 2, { remote: `${second} 1194 udp4` });
    await lost.process.says(/Incoming packet rejected from \[AF_INET\]192\.0\.2\.1:1194/, 60);
    await lab.stopAll();
    await startServer(lab, { lines: ['multihome'] });
    const clients = await Promise.all([
      Client.connect(lab, 2, { remote: `${second} 1194 udp4` }),
      Client.connect(lab, 3, { name: 'client2' }),
      Client.connect(lab, 4, { name: 'client3', remote: `${second6} 1194 udp6` }),
    ]);
    for (const client of clients) expect(await client.reaches('10.8.0.1', 1372)).toBe(true);
    await floats(clients[0] as Client, clients[0]?.host as Host, lab);
  } finally {
    serverHost.ip('addr', 'del', `${second}/24`, 'dev', 'net0');
    serverHost.ip('addr', 'del', `${second6}/64`, 'dev', 'net0');
  }
});

ours('mark, bind-dev, mtu-disc and passtos: the sockets are as they were asked for', async (lab) => {
  const lines = ['mark 42', 'bind-dev net0', 'mtu-disc yes', 'passtos'];
  const server = await startServer(lab, { lines });
  const { output } = await lab.serverHost.exec('ss', '-H', '-ulne', 'sport', '=', '1194');
  expect(output).toMatch(/%net0:1194/);
  expect(output).toMatch(/fwmark:0x2a/);
  const client = await Client.connect(lab, 2);
  expect(await client.reaches('10.8.0.1')).toBe(true);
  expect(server.log()).not.toMatch(/error/);
  const client2 = await OurClient.connect(lab, 3, { lines: ['mark 7', 'bind-dev net0'] });
  const own = await client2.host.exec('ss', '-H', '-une');
  expect(own.output).toMatch(/%net0:.*fwmark:0x7/);
});

/** The client gets another address: the server goes on answering from its own second one. */
async function floats(client: Client, host: Host, lab: Lab): Promise<void> {
  const before = await readCounter(lab, 'floats');
  host.ip('addr', 'del', `${host.ipv4}/24`, 'dev', 'net0');
  host.ip('addr', 'add', '192.0.2.77/24', 'dev', 'net0');
  try {
    await until('the client is heard from its new address', () => client.reaches('10.8.0.1', 56, 2), PATIENT);
    expect(await readCounter(lab, 'floats')).toBe(before + 1);
  } finally {
    // The first address of a network takes the others with it.
    host.ip('addr', 'del', '192.0.2.77/24', 'dev', 'net0');
    host.ip('addr', 'add', `${host.ipv4}/24`, 'dev', 'net0');
  }
}
