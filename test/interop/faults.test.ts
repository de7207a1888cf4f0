import { expect } from '@jest/globals';
import { Client } from './lab/client.js';
import type { Host, Running } from './lab/host.js';
import { type Lab, useLab } from './lab/lab.js';
import { cpuShare, linesOf, readCounter } from './lab/measure.js';
import { OurClient } from './lab/our-client.js';
import { startServer } from './lab/server.js';
import { sleep, until } from './lab/until.js';

const { ours } = useLab();
const NETWORKS = ['server-ipv6 fd00:8::/64', 'route 10.99.0.0 255.255.0.0'];
/** Of one core, while next to nothing flows: far from a loop that spins, and from what a busy machine adds. */
const IDLE = 0.4;

/** Fifty packets a second through the tunnel; how many came back, and how many were sent. */
type Flow = Promise<{ sent: number; received: number }>;
const flow = (client: Client | OurClient, target: string, seconds: number): Flow =>
  client.ping(target, ['-q', '-i', '0.02', '-c', String(50 * seconds), '-W', '2']);

const expectWhole = async (pings: Flow, mayLose = 5): Promise<void> => {
  const { sent, received } = await pings;
  expect(sent - received).toBeLessThanOrEqual(mayLose);
};

/** A thousand large packets a second. */
const flood = (host: Host, target: string, seconds: number): Promise<{ code: number; output: string }> =>
  host.exec('ping', '-q', '-n', '-i', '0.001', '-s', '1300', '-c', String(1000 * seconds), '-W', '1', target);

const twoClients = async (lab: Lab): Promise<[Client, OurClient]> =>
  Promise.all([Client.connect(lab, 2, { name: 'client2' }), OurClient.connect(lab, 3)]);

const innerIpv4 = (client: OurClient): string => /addresses="?([\d.]+)\//.exec(client.log())?.[1] ?? '';
const networksOf = (host: Host): string => host.ip('addr', 'show', 'tun0') + host.ip('route');
const restored = (host: Host): boolean =>
  ['10.8.0.1/24', 'fd00:8::1/64', '10.99.0.0/16'].every((text) => networksOf(host).includes(text));

ours("the server's TUN goes down, gets another MTU, is deleted: clients reach each other all the time", async (lab) => {
  const server = await startServer(lab, { lines: [...NETWORKS, 'client-to-client'] });
  const [stock, own] = await twoClients(lab);
  const host = lab.serverHost;
  const others = flow(own, stock.ipv4, 9);
  host.ip('link', 'set', 'tun0', 'down');
  const toServer = flood(stock.host, '10.8.0.1', 1);
  expect(await cpuShare(server, 1.5)).toBeLessThan(1);
  await toServer;
  await server.says(/warning: tun0 is down/, 3);
  expect(await readCounter(lab, 'tun-write-errors')).toBeGreaterThan(10);
  host.ip('link', 'set', 'tun0', 'up');
  await server.says(/tun0 was down and is up again/, 3);
  expect(restored(host)).toBe(true);
  expect(await stock.reaches('10.8.0.1')).toBe(true);
  await changeMtuWhileTrafficFlows(server, host, own);
  host.ip('link', 'del', 'tun0');
  expect(await cpuShare(server, 0.5)).toBeLessThan(IDLE);
  await server.says(/tun0 has been made anew/, 3);
  expect(restored(host)).toBe(true);
  await until('the data threads read the new device', () => own.reaches('10.8.0.1'), { seconds: 5 });
  expect(await stock.reaches('10.8.0.1')).toBe(true);
  expect(await readCounter(lab, 'tun-down')).toBe(0);
  await expectWhole(others);
  for (const line of [
    /tun0 is down/,
    /up again/,
    /tun0 has been deleted/,
    /made anew/,
    /: the tunnel device refuses packets/,
  ])
    expect([line, linesOf(server, line)]).toEqual([line, 1]);
});

async function changeMtuWhileTrafficFlows(server: Running, host: Host, client: OurClient): Promise<void> {
  const large = client.ping('10.8.0.1', ['-q', '-i', '0.02', '-c', '75', '-s', '1300', '-W', '2']);
  await sleep(400);
  host.ip('link', 'set', 'tun0', 'mtu', '1000');
  await server.says(/the MTU of tun0 has been changed mtu=1000 configured=1500/, 3);
  host.ip('link', 'set', 'tun0', 'mtu', '1500');
  await expectWhole(large);
  await server.says(/the MTU of tun0 is as configured again/, 3);
}

ours('a client has vanished, and its host says so (ICMP port unreachable)', async (lab) => {
  const server = await startServer(lab);
  const [stock, own] = await twoClients(lab);
  own.process.signal('SIGKILL');
  await own.process.ended;
  // Without its limit the kernel answers every packet.
  await own.host.exec('sysctl', '-qw', 'net.ipv4.icmp_ratelimit=0');
  const others = flow(stock, '10.8.0.1', 3);
  const target = innerIpv4(own);
  void lab.serverHost.exec('ping', '-q', '-i', '0.01', '-c', '100', '-W', '1', target);
  expect(await cpuShare(server, 2.5)).toBeLessThan(IDLE);
  await expectWhole(others, 0);
  expect(await readCounter(lab, 'udp-unreachable')).toBeGreaterThanOrEqual(100);
  expect(await readCounter(lab, 'udp-send-refused')).toBe(0);
  expect(linesOf(server, /info: ICMP says that the other side/)).toBe(1);
});

ours("the outer link's MTU falls and rises while TCP runs", async (lab) => {
  await startServer(lab);
  const [stock, own] = await twoClients(lab);
  const others = flow(stock, '10.8.0.1', 5);
  lab.serverHost.start('iperf3', ['iperf3', '-s']);
  await sleep(300);
  const run = own.host.exec('iperf3', '-c', '10.8.0.1', '-t', '4', '-i', '0.5', '-b', '100M', '-R', '-J');
  await sleep(1000);
  const setMtu = (mtu: number): void => {
    lab.serverHost.ip('link', 'set', 'net0', 'mtu', String(mtu));
    own.host.ip('link', 'set', 'net0', 'mtu', String(mtu));
  };
  setMtu(1300);
  await sleep(1500);
  setMtu(1500);
  const { output } = await run;
  const { intervals } = JSON.parse(output) as { intervals: { sum: { bytes: number } }[] };
  expect(intervals.length).toBeGreaterThanOrEqual(8);
  for (const { sum } of intervals.slice(0, 8)) expect(sum.bytes).toBeGreaterThan(1e6);
  await expectWhole(others, 20);
  expect(await readCounter(lab, 'gso-given-up')).toBe(0);
  expect(await readCounter(lab, 'udp-send-refused')).toBe(0);
});

ours('shardvpn connect lives through a dead server, and through the loss of its TUN', async (lab) => {
  const settings = { lines: ['keepalive 1 4', 'push "route 10.99.0.0 255.255.0.0"'] };
  const server = await startServer(lab, settings);
  const client = await OurClient.connect(lab, 3, { lines: ['persist-tun'] });
  await loseTun(client);
  server.signal('SIGKILL');
  await server.ended;
  await lab.serverHost.exec('sysctl', '-qw', 'net.ipv4.icmp_ratelimit=0');
  void flow(client, '10.8.0.1', 2);
  expect(await cpuShare(client.process, 2)).toBeLessThan(IDLE);
  await client.process.says(/info: ICMP says that the other side/, 3);
  await client.process.says(/ping-restart: .*next attempt/, 10);
  await startServer(lab, settings);
  await client.connected(2, 20);
  expect(await client.reaches('10.8.0.1')).toBe(true);
  expect(linesOf(client.process, /info: ICMP says/)).toBeLessThanOrEqual(2);
});

async function loseTun(client: OurClient): Promise<void> {
  const { host } = client;
  const whole = (): boolean => /10\.8\.0\.\d+\/24[\s\S]*10\.99\.0\.0\/16/.test(networksOf(host));
  host.ip('link', 'set', 'tun0', 'down');
  host.ip('link', 'set', 'tun0', 'up');
  expect(whole()).toBe(false);
  await until('the route is back', whole, { seconds: 3 });
  host.ip('link', 'del', 'tun0');
  await client.process.says(/tun0 has been made anew/, 3);
  expect(whole()).toBe(true);
  await until('the data thread reads the new device', () => client.reaches('10.8.0.1'), { seconds: 5 });
}
