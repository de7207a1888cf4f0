import { expect } from '@jest/globals';
import { Client } from './lab/client.js';
import type { Host, Running } from './lab/host.js';
import { type Lab, useLab } from './lab/lab.js';
import { cpuShare, linesOf, readCounter } from './lab/measure.js';
import { OurClient } from './lab/our-client.js';
import { listens, startServer } from './lab/server.js';
import { sleep, until } from './lab/until.js';

const { ours } = useLab();
const NETWORKS = ['server-ipv6 fd00:8::/64', 'route 10.99.0.0 255.255.0.0'];
/** Of one core, while little flows or is refused: far from a loop that spins, and from what a busy machine adds. */
const IDLE = 0.4;

/** Fifty packets a second through the tunnel; how many came back, and how many were sent. */
type Flow = Promise<{ sent: number; received: number }>;
const flow = (client: Client | OurClient, target: string, seconds: number): Flow =>
  client.ping(target, ['-q', '-i', '0.02', '-c', String(50 * seconds), '-W', '2']);

const expectWhole = async (pings: Flow, mayLose = 5): Promise<void> => {
  const { sent, received } = await pings;
  // Where ping says nothing at all, it says nothing of losses.
  expect(sent).toBeGreaterThanOrEqual(50);
  expect(sent - received).toBeLessThanOrEqual(mayLose);
};

/** Large packets: five hundred at once, then about a hundred a second, or more while answers come. */
const flood = (host: Host, target: string, seconds: number): Promise<{ code: number; output: string }> =>
  host.exec('ping', '-q', '-n', '-l', '500', '-i', '0.001', '-s', '1300', '-w', String(seconds), target);

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
  expect(await cpuShare(server, 1.5)).toBeLessThan(IDLE);
  await toServer;
  await server.says(/warning: tun0 is down/);
  expect(await readCounter(lab, 'tun-write-errors')).toBeGreaterThan(10);
  host.ip('link', 'set', 'tun0', 'up');
  await server.says(/tun0 was down and is up again/);
  await until('its addresses and routes are back', () => restored(host));
  expect(await stock.reaches('10.8.0.1')).toBe(true);
  await changeMtuWhileTrafficFlows(server, host, own);
  host.ip('link', 'del', 'tun0');
  expect(await cpuShare(server, 0.5)).toBeLessThan(IDLE);
  await server.says(/tun0 has been made anew/);
  await until('its addresses and routes are back', () => restored(host));
  await until('the data threads read the new device', () => own.reaches('10.8.0.1', 56, 2));
  expect(await stock.reaches('10.8.0.1')).toBe(true);
  expect(await readCounter(lab, 'tun-down')).toBe(0);
  await expectWhole(others);
  for (const line of [
    /tun0 is down/,
    /up again/,
    /tun0 has been deleted/,
    /made anew/,
    /warning: the tunnel device refuses packets/,
  ])
    expect([line, linesOf(server, line)]).toEqual([line, 1]);
});

async function changeMtuWhileTrafficFlows(server: Running, host: Host, client: OurClient): Promise<void> {
  const large = client.ping('10.8.0.1', ['-q', '-i', '0.02', '-c', '75', '-s', '1300', '-W', '2']);
  await sleep(400);
  host.ip('link', 'set', 'tun0', 'mtu', '1000');
  await server.says(/the MTU of tun0 has been changed mtu=1000 configured=1500/);
  host.ip('link', 'set', 'tun0', 'mtu', '1500');
  await expectWhole(large);
  await server.says(/the MTU of tun0 is as configured again/);
}

ours('the way to one client is narrow, the socket buffers are full: the others go on', async (lab) => {
  const server = await startServer(lab, { lines: ['rcvbuf 65536', 'sndbuf 65536'] });
  const clients = await twoClients(lab);
  await fillQueueOfDevice(lab, server, clients);
  await fillReceiveBuffer(lab, server, clients);
  await server.says(/over: datagrams are lost: the send buffer .* counter=udp-send-no-room counted=\d+/);
  await fillSendBuffer(lab, server, clients);
  for (const [counter, begun] of [
    ['udp-send-no-room', 2],
    ['udp-lost', 1],
  ] as const)
    expect([counter, linesOf(server, new RegExp(`warning: datagrams are lost: .*counter=${counter}$`))]).toEqual([
      counter,
      begun,
    ]);
});

/** ENOBUFS: what goes to one client is held to a rate, and lost above it. */
async function fillQueueOfDevice(lab: Lab, server: Running, [stock, own]: [Client, OurClient]): Promise<void> {
  for (const command of [
    'qdisc add dev net0 root handle 1: htb default 20',
    'class add dev net0 parent 1: classid 1:10 htb rate 200kbit',
    'class add dev net0 parent 1: classid 1:20 htb rate 10gbit',
    'qdisc add dev net0 parent 1:10 handle 10: pfifo limit 5',
    `filter add dev net0 parent 1: protocol ip u32 match ip dst ${stock.host.ipv4}/32 flowid 1:10`,
  ])
    await tc(lab, command);
  const others = flow(own, '10.8.0.1', 2);
  const slow = flood(lab.serverHost, stock.ipv4, 2);
  expect(await cpuShare(server, 1.8)).toBeLessThan(IDLE);
  await expectWhole(others);
  await slow;
  const lost = await droppedBy(lab, 'net0', 'pfifo 10:');
  await tc(lab, 'qdisc del dev net0 root');
  expect(lost).toBeGreaterThan(100);
  expect(await readCounter(lab, 'udp-send-no-room')).toBeGreaterThanOrEqual(lost);
  expect(linesOf(server, /warning: datagrams are lost: .*counter=udp-send-no-room$/)).toBe(1);
}

async function fillReceiveBuffer(lab: Lab, server: Running, [stock, own]: [Client, OurClient]): Promise<void> {
  server.signal('SIGSTOP');
  await flood(stock.host, '10.8.0.1', 1);
  server.signal('SIGCONT');
  await until('the buffer has been read', () => own.reaches('10.8.0.1', 56, 2));
  await expectWhole(flow(own, '10.8.0.1', 1));
  expect(await readCounter(lab, 'udp-lost')).toBeGreaterThan(100);
  await server.says(/warning: datagrams are lost: the receive buffer of a UDP socket is full/);
}

/** EAGAIN: sent datagrams count until the device has them, so a queue that holds them for long fills the socket. */
async function fillSendBuffer(lab: Lab, server: Running, [stock, own]: [Client, OurClient]): Promise<void> {
  const before = await readCounter(lab, 'udp-send-no-room');
  const echoes = await echoesIn(lab);
  await tc(lab, 'qdisc add dev port2 root handle 2: tbf rate 200kbit burst 5k limit 10m');
  const others = flow(own, '10.8.0.1', 1);
  const slow = flood(lab.serverHost, stock.ipv4, 2);
  expect(await cpuShare(server, 1.8)).toBeLessThan(IDLE);
  await slow;
  // Their answers share the full buffer, but what they send arrives.
  const { sent } = await others;
  expect((await echoesIn(lab)) - echoes).toBeGreaterThanOrEqual(sent - 2);
  expect(await droppedBy(lab, 'port2', 'tbf 2:')).toBe(0);
  expect((await readCounter(lab, 'udp-send-no-room')) - before).toBeGreaterThan(100);
  await tc(lab, 'qdisc del dev port2 root');
  await expectWhole(flow(own, '10.8.0.1', 1));
  expect(await stock.reaches('10.8.0.1')).toBe(true);
}

async function tc(lab: Lab, command: string): Promise<string> {
  const { code, output } = await lab.serverHost.exec('tc', ...command.split(' '));
  if (code !== 0) throw new Error(`tc ${command}: ${output}`);
  return output;
}

/** Packets that a queue of the server's host has lost. */
async function droppedBy(lab: Lab, device: string, queue: string): Promise<number> {
  const text = await tc(lab, `-s qdisc show dev ${device}`);
  return Number(new RegExp(`qdisc ${queue}[\\s\\S]*?dropped (\\d+)`).exec(text)?.[1]);
}

/** Echo requests that the server's host has received. */
async function echoesIn(lab: Lab): Promise<number> {
  const { output } = await lab.serverHost.exec('nstat', '-asz', 'IcmpInEchos');
  return Number(/IcmpInEchos +(\d+)/.exec(output)?.[1]);
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
  await until('all are counted', async () => (await readCounter(lab, 'udp-unreachable')) >= 100);
  expect(await readCounter(lab, 'udp-send-refused')).toBe(0);
  await until('it says so', () => linesOf(server, /info: ICMP says that the other side/) > 0);
  expect(linesOf(server, /info: ICMP says that the other side/)).toBe(1);
});

ours("the outer link's MTU falls and rises while TCP runs", async (lab) => {
  await startServer(lab);
  const [stock, own] = await twoClients(lab);
  const others = flow(stock, '10.8.0.1', 5);
  await listens(lab.serverHost.start('iperf3', ['iperf3', '-s']), 5201);
  const words = ['-c', '10.8.0.1', '-t', '300', '-i', '0.5', '-b', '100M', '-R', '--forceflush'];
  const stream = own.host.start('stream', ['iperf3', ...words]);
  await flowsFor(stream, 1);
  const setMtu = (mtu: number): void => {
    lab.serverHost.ip('link', 'set', 'net0', 'mtu', String(mtu));
    own.host.ip('link', 'set', 'net0', 'mtu', String(mtu));
  };
  setMtu(1300);
  await flowsFor(stream, 1.5);
  setMtu(1500);
  await flowsFor(stream, 1.5);
  await expectWhole(others, 20);
  expect(await readCounter(lab, 'gso-given-up')).toBe(0);
  expect(await readCounter(lab, 'udp-send-refused')).toBe(0);
});

/** Of an `iperf3`: waits until it has reported so many seconds more, in pieces of half a second of which none stands still. */
async function flowsFor(stream: Running, seconds: number): Promise<void> {
  const halves = (): RegExpMatchArray[] =>
    [...stream.log().matchAll(/([\d.]+)-([\d.]+) +sec +([\d.]+) (\w*)Bytes /g)].filter(
      // After a pause of the machine it reports the pieces that it has missed, which take no time.
      ([, begin, end]) => Number(end) - Number(begin) > 0.45,
    );
  const before = halves().length;
  await until('the stream flows', () => halves().length >= before + 2 * seconds);
  for (const [line, , , bytes, unit] of halves().slice(before))
    expect([line, unit !== '' && Number(bytes) > 0.9]).toEqual([line, true]);
}

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
  await client.process.says(/info: ICMP says that the other side/);
  await client.process.says(/ping-restart: .*next attempt/);
  await startServer(lab, settings);
  await client.connected(2);
  expect(await client.reaches('10.8.0.1')).toBe(true);
  expect(linesOf(client.process, /info: ICMP says/)).toBeLessThanOrEqual(2);
});

async function loseTun(client: OurClient): Promise<void> {
  const { host } = client;
  const whole = (): boolean => /10\.8\.0\.\d+\/24[\s\S]*10\.99\.0\.0\/16/.test(networksOf(host));
  host.ip('link', 'set', 'tun0', 'down');
  expect(whole()).toBe(false);
  host.ip('link', 'set', 'tun0', 'up');
  await until('the route is back', whole);
  host.ip('link', 'del', 'tun0');
  await client.process.says(/tun0 has been made anew/);
  await until('the route is there', whole);
  await until('the data thread reads the new device', () => client.reaches('10.8.0.1', 56, 2));
}
