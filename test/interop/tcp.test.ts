import { copyFileSync, readdirSync } from 'node:fs';
import { expect } from '@jest/globals';
import { Client } from './lab/client.js';
import { type Lab, useLab } from './lab/lab.js';
import { linesOf } from './lab/measure.js';
import { OurClient } from './lab/our-client.js';
import { injectFault, shardvpnCommand, startServer, writeServerConfig } from './lab/server.js';
import { readStatus, statusWith, totalsOf } from './lab/status.js';
import { until } from './lab/until.js';
import { endHeirs, startUpgradable, upgrade } from './lab/upgrade.js';

const { ours, scenario } = useLab();

const BOTH = ['local * 1194 udp', 'local * 1194 tcp-server'];
const overTcp = (lab: Lab, name = 'client1') => ({ name, remote: `${lab.serverHost.ipv4} 1194 tcp4-client` });
const overTcp6 = (lab: Lab, name = 'client1') => ({ name, remote: `${lab.serverHost.ipv6} 1194 tcp6-client` });

ours('TCP over both families and UDP at once: one pool, and clients reach each other', async (lab) => {
  await startServer(lab, { lines: [...BOTH, 'client-to-client'] });
  const [v4, v6, udp] = await Promise.all([
    Client.connect(lab, 2, overTcp(lab)),
    Client.connect(lab, 3, overTcp6(lab, 'client2')),
    Client.connect(lab, 4, { name: 'client3' }),
  ]);
  const all = [v4, v6, udp];
  for (const client of all) expect(await client.reaches('10.8.0.1', 1372)).toBe(true);
  expect(new Set(all.map(({ ipv4 }) => ipv4)).size).toBe(3);
  for (const [from, to] of [
    [v4, udp],
    [udp, v6],
    [v6, v4],
  ] as const) {
    expect(await from.reaches(to.ipv4, 1372)).toBe(true);
  }
  for (const client of all) expect(client.log()).not.toMatch(/used inconsistently|present in/);
  const { server, clients } = await statusWith(lab, 3);
  expect(server.listening.map(({ proto = 'udp' }) => proto).sort()).toEqual(['tcp', 'tcp', 'udp', 'udp']);
  expect(Object.fromEntries(clients.map(({ name, proto }) => [name, proto]))).toEqual({
    client1: 'tcp',
    client2: 'tcp',
    client3: 'udp',
  });
  v4.process.signal('SIGKILL');
  // The end of the connection is the end of the client.
  await statusWith(lab, 2);
});

ours('renegotiations and the death of the worker cost a TCP client no packet', async (lab) => {
  const server = await startServer(lab, { faults: true, lines: [...BOTH, 'workers 1', 'reneg-sec 4'] });
  const client = await Client.connect(lab, 2, overTcp(lab));
  const pings = client.ping('10.8.0.1', ['-i', '0.02', '-c', '500', '-W', '2']);
  await until('a renegotiation', () => handshakes(client) >= 3, { seconds: 60 });
  injectFault(lab, 'exception', 0);
  await until('a successor', () => linesOf(server, /worker of shard 0 replaced/) === 1, { seconds: 60 });
  const had = handshakes(client);
  await until('a renegotiation with it', () => handshakes(client) > had, { seconds: 60 });
  expect(await pings).toEqual({ sent: 500, received: 500 });
  expect(completions(client)).toBe(1);
  await statusWith(lab, 1);
});

ours('a client that does not read costs only itself', async (lab) => {
  await startServer(lab, { lines: [...BOTH, 'sndbuf 65536', 'workers 1', 'keepalive 10 240'] });
  const stalled = await Client.connect(lab, 2, overTcp(lab));
  const other = await Client.connect(lab, 3, overTcp(lab, 'client2'));
  const openvpn = `pgrep -f '[o]penvpn --config' -P ${stalled.process.pid} || echo ${stalled.process.pid}`;
  const pid = (await stalled.host.exec('bash', '-c', openvpn)).output.trim().split('\n')[0] as string;
  process.kill(Number(pid), 'SIGSTOP');
  try {
    await until(
      'its queue is full',
      async () => {
        await lab.serverHost.exec('bash', '-c', `head -c 4000000 /dev/zero >/dev/udp/${stalled.ipv4}/9`);
        return (totalsOf(await readStatus(lab))['tcp-queue-full'] ?? 0) > 0;
      },
      { seconds: 60 },
    );
    expect(await other.ping('10.8.0.1', ['-i', '0.02', '-c', '50', '-W', '2'])).toEqual({ sent: 50, received: 50 });
  } finally {
    process.kill(Number(pid), 'SIGCONT');
  }
  await until('it is back', () => stalled.reaches('10.8.0.1', 56, 2));
  expect(completions(stalled)).toBe(1);
});

ours('what is no client is closed: garbage at once, silence after hand-window', async (lab) => {
  await startServer(lab, { lines: [...BOTH, 'hand-window 2'] });
  const { ipv4 } = lab.serverHost;
  const speak = (words: string) =>
    lab.host(2).exec('timeout', '60', 'bash', '-c', `exec 3<>/dev/tcp/${ipv4}/1194; printf '${words}' >&3; cat <&3`);
  const garbage = await speak('GET / HTTP/1.0\\r\\n\\r\\n');
  expect(garbage.code).not.toBe(124);
  expect((await speak('')).code).toBe(0);
  const totals = await until('both are closed', async () => {
    const now = totalsOf(await readStatus(lab));
    return now['tcp-connections'] === 0 ? now : null;
  });
  expect([totals['tcp-bad-length'], totals['tcp-timed-out']]).toEqual([1, 1]);
});

ours('a TCP listener comes and goes by a reload', async (lab) => {
  const settings = (...local: string[]) => ({ without: ['port', 'proto'], lines: ['local * 1194 tcp', ...local] });
  const config = writeServerConfig(lab, settings());
  await startServer(lab, { config });
  const change = async (...local: string[]): Promise<string> => {
    copyFileSync(writeServerConfig(lab, settings(...local)), config);
    return (await lab.serverHost.exec(...shardvpnCommand, 'reload', config)).output;
  };
  const stays = await Client.connect(lab, 2, overTcp(lab));
  expect(await change('local * 1195 tcp')).toMatch(/^changed: port\/proto\/local\/bind$/m);
  const { ipv4 } = lab.serverHost;
  const lines = [`remote ${ipv4} 1194 tcp4-client`];
  const moves = await Client.connect(lab, 3, { name: 'client2', remote: `${ipv4} 1195 tcp4-client`, lines });
  expect(await moves.reaches('10.8.0.1')).toBe(true);
  expect(await change()).toMatch(/^changed: port\/proto\/local\/bind$/m);
  await moves.connected(2, 60);
  expect(moves.log()).toMatch(/server-pushed-connection-reset/);
  for (const client of [stays, moves]) expect(await client.reaches('10.8.0.1')).toBe(true);
  expect(completions(stays)).toBe(1);
});

ours('an upgrade hands connections over, and whoever uses them notices nothing', async (lab) => {
  const { config } = await startUpgradable(lab, { lines: BOTH });
  const clients = [await Client.connect(lab, 2, overTcp(lab)), await Client.connect(lab, 3, overTcp6(lab, 'client2'))];
  const pings = clients.map((client) => client.ping('10.8.0.1', ['-i', '0.02', '-c', '300', '-W', '2']));
  const before = await statusWith(lab, 2);
  try {
    const { sessions, pause } = await upgrade(lab, config);
    expect(sessions).toBe(2);
    for (const { sent, received } of await Promise.all(pings)) {
      expect(sent - received).toBeLessThanOrEqual(2 + pause / 20);
    }
    for (const client of clients) {
      expect(completions(client)).toBe(1);
      expect(await client.reaches('10.8.0.1', 1372)).toBe(true);
    }
    const addresses = (status: typeof before) => status.clients.map(({ realAddress }) => realAddress).sort();
    expect(addresses(await readStatus(lab))).toEqual(addresses(before));
  } finally {
    await endHeirs();
  }
});

ours('our own client connects over TCP, and goes on when the connection is cut', async (lab) => {
  const server = await startServer(lab, { lines: BOTH });
  const { ipv4, ipv6 } = lab.serverHost;
  const client = await OurClient.connect(lab, 2, { remotes: [`${ipv4} 1 tcp`, `${ipv6} 1194 tcp6-client`] });
  expect(client.log()).toMatch(/connection-closed/);
  expect((await client.host.exec('ping', '-n', '-c', '3', '-i', '0.2', '-W', '2', '10.8.0.1')).code).toBe(0);
  expect((await statusWith(lab, 1)).clients).toMatchObject([{ name: 'client1', proto: 'tcp' }]);
  await server.stop();
  await startServer(lab, { lines: BOTH });
  await client.connected(2, 60);
});

ours('without file descriptors nobody new comes in, nobody else notices, and it passes', async (lab) => {
  const server = await startServer(lab, { lines: [...BOTH, 'workers 1'] });
  const client = await Client.connect(lab, 2, overTcp(lab));
  const limit = (files: string) => lab.serverHost.exec('prlimit', '--pid', String(server.pid), `--nofile=${files}:`);
  const used = new Set(readdirSync(`/proc/${server.pid}/fd`).map(Number));
  // The kernel takes the lowest free number, so there is room for two more connections.
  const free = Array.from({ length: used.size + 3 }, (_, fd) => fd).filter((fd) => !used.has(fd));
  const began = performance.now();
  await limit(String(free[2]));
  const { ipv4 } = lab.serverHost;
  const open = `for i in $(seq 12); do exec {fd}<>/dev/tcp/${ipv4}/1194; done; echo open; exec sleep 60`;
  const crowd = lab.host(3).start('crowd', ['bash', '-c', open]);
  await crowd.says(/open/, 60);
  await server.says(/TCP connections cannot be accepted/, 60);
  const pings = await client.ping('10.8.0.1', ['-i', '0.02', '-c', '100', '-W', '2']);
  expect(pings).toEqual({ sent: 100, received: 100 });
  await limit('4096');
  const newcomer = await Client.connect(lab, 3, overTcp(lab, 'client2'));
  expect(await newcomer.reaches('10.8.0.1')).toBe(true);
  const totals = totalsOf(await readStatus(lab));
  // A listener that may not accept rests for half a second each time.
  expect(totals['tcp-accept-errors']).toBeGreaterThan(0);
  expect(totals['tcp-accept-errors']).toBeLessThan(100 + (performance.now() - began) / 100);
  expect(linesOf(server, /warning: TCP connections cannot be accepted/)).toBe(1);
  expect(completions(client)).toBe(1);
});

ours('port-share: a browser and a client come to one port', async (lab) => {
  const serve = "require('http').createServer((q, s) => s.end('hello from ' + q.url)).listen(8080, '127.0.0.1')";
  lab.serverHost.start('web', [process.execPath, '-e', serve]);
  await startServer(lab, { lines: [...BOTH, 'port-share 127.0.0.1 8080'] });
  const client = await Client.connect(lab, 2, overTcp(lab));
  const asked = async () => lab.host(3).get(`http://${lab.serverHost.ipv4}:1194/there`);
  await until('the web server answers', async () => (await asked().catch(() => null))?.status === 200, { seconds: 60 });
  expect(await asked()).toEqual({ status: 200, body: 'hello from /there' });
  expect(await client.reaches('10.8.0.1')).toBe(true);
  expect(totalsOf(await readStatus(lab))['tcp-shared']).toBeGreaterThanOrEqual(2);
});

ours('proxy-protocol: the status shows the client, and not the balancer', async (lab) => {
  const balancer = lab.host(2);
  const { ipv4 } = lab.serverHost;
  await startServer(lab, { lines: [...BOTH, `proxy-protocol ${balancer.ipv4}`] });
  const header = 'PROXY TCP4 203.0.113.9 192.0.2.1 4567 1194\\r\\n';
  const forward = `require('net').createServer((near) => {
    const far = require('net').connect(1194, '${ipv4}');
    far.write('${header}');
    near.pipe(far).pipe(near);
    for (const end of [near, far]) end.on('error', () => { near.destroy(); far.destroy(); });
  }).listen(7000, '127.0.0.1', () => console.log('ready'))`;
  await balancer.start('balancer', [process.execPath, '-e', forward]).says(/ready/, 60);
  const behind = await Client.connect(lab, 2, { remote: '127.0.0.1 7000 tcp4-client' });
  const direct = await Client.connect(lab, 3, overTcp(lab, 'client2'));
  for (const client of [behind, direct]) expect(await client.reaches('10.8.0.1')).toBe(true);
  const { clients } = await statusWith(lab, 2);
  const addressOf = (wanted: string) => clients.find(({ name }) => name === wanted)?.realAddress ?? '';
  expect(addressOf('client1')).toBe('203.0.113.9:4567');
  expect(addressOf('client2').startsWith(`${direct.host.ipv4}:`)).toBe(true);
  await balancer.exec('timeout', '60', 'bash', '-c', `exec 3<>/dev/tcp/${ipv4}/1194; printf 'GET / HTTP' >&3; cat <&3`);
  await until('it is counted', async () => totalsOf(await readStatus(lab))['tcp-bad-proxy-header'] === 1);
});

scenario('mssfix with a number holds for a client by TCP', async (lab) => {
  await startServer(lab, { lines: ['proto tcp-server', 'mssfix 1300'] });
  const serve = "require('net').createServer(() => {}).listen(5000, '10.8.0.1', () => console.log('ready'))";
  const client = await Client.connect(lab, 2, { ...overTcp(lab), lines: ['mssfix 0'] });
  for (const host of [lab.serverHost, client.host]) await host.exec('sysctl', '-qw', 'net.ipv4.tcp_timestamps=0');
  await lab.serverHost.start('listener', [process.execPath, '-e', serve]).says(/ready/, 60);
  const ask = 'exec 3<>/dev/tcp/10.8.0.1/5000; ss -Htin dst 10.8.0.1';
  const { output } = await client.host.exec('timeout', '60', 'bash', '-c', ask);
  expect(/[^v]mss:(\d+)/.exec(output)?.[1]).toBe('1234');
});

for (const wrapping of ['none', 'tls-auth', 'tls-crypt', 'tls-crypt-v2'] as const) {
  ours(`TCP with ${wrapping}`, async (lab) => {
    await startServer(lab, { wrapping, lines: ['proto tcp-server'] });
    const clients = await Promise.all([
      Client.connect(lab, 2, { ...overTcp(lab), wrapping }),
      Client.connect(lab, 3, { ...overTcp6(lab, 'client2'), wrapping, actAs: 6 }),
    ]);
    for (const client of clients) expect(await client.reaches('10.8.0.1', 1372)).toBe(true);
  });
}

const handshakes = (client: Client): number => [...client.log().matchAll(/Control Channel: TLSv/g)].length;
const completions = (client: Client): number => client.log().match(/Initialization Sequence Completed/g)?.length ?? 0;
