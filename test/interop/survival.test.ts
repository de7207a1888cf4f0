import { expect } from '@jest/globals';
import type { WorkerFault } from '@shardvpn/worker';
import { Client } from './lab/client.js';
import type { Running } from './lab/host.js';
import { RELAYED, startHostileRelay } from './lab/hostile-relay.js';
import { type Lab, useLab } from './lab/lab.js';
import { linesOf } from './lab/measure.js';
import { PingStream } from './lab/ping.js';
import { injectFault, shardvpnCommand, startServer, writeServerConfig } from './lab/server.js';
import { readStatus, statusWith } from './lab/status.js';
import { sleep, until } from './lab/until.js';

const { ours } = useLab();

/** Seconds; a machine that does other things as well takes its time to start workers. */
const LONG = 400;
const SHARD = 0;
const replacements = (server: Running, shard = SHARD): number =>
  linesOf(server, new RegExp(`worker of shard ${shard} replaced`));

/** Commits a fault and waits for the next worker. */
async function kill(lab: Lab, server: Running, fault: WorkerFault, shard = SHARD): Promise<void> {
  const before = replacements(server, shard);
  injectFault(lab, fault, shard);
  await until(`a worker after ${fault}`, () => replacements(server, shard) > before, { seconds: 60 });
}

/** TLS sessions that the client has had. */
const handshakes = (client: Client): number => [...client.log().matchAll(/Control Channel: TLSv/g)].length;

/** The client as the status shows it, without what traffic and time change. */
async function shownAs(lab: Lab, name: string): Promise<object> {
  const found = await until(`${name} is in the status`, async () =>
    (await readStatus(lab)).clients.find((client) => client.name === name),
  );
  const { ipv4, peerId, shard, since, cipher, tls, realAddress } = found;
  return { ipv4, peerId, shard, since, cipher, tls, realAddress };
}

ours(
  'a worker dies in every way: its clients lose no packet, and it has a successor',
  async (lab) => {
    const server = await startServer(lab, { faults: true, lines: ['workers 1', 'keepalive 5 60', 'hand-window 20'] });
    const client = await Client.connect(lab, 2, { lines: ['explicit-exit-notify 1'] });
    const before = await shownAs(lab, 'client1');
    await lab.serverHost.start('iperf3', ['iperf3', '-s', '--forceflush']).says(/Server listening/);
    const pings = PingStream.start(client.host, '10.8.0.1', 0.005);
    // Little enough to fit into the client's default buffers while it waits for a processor.
    const words = ['-c', '10.8.0.1', '-t', '300', '-b', '4M', '-i', '1', '--forceflush'];
    const stream = client.host.start('stream', ['iperf3', ...words]);
    for (const fault of ['exception', 'rejection', 'exit', 'memory', 'loop'] as const) {
      const had = handshakes(client);
      await kill(lab, server, fault);
      expect(await shownAs(lab, 'client1')).toEqual(before);
      await until(`a renegotiation after ${fault}`, () => handshakes(client) > had, { seconds: 60 });
      // The new key is in use. A worker that dies before leaves its successor to wait for the end of the hand-window.
      await sleep(1500);
    }
    await expectNothingLost(pings);
    await expectNeverStill(stream);
    expect((await readStatus(lab)).shards[SHARD]?.workerRestarts).toEqual({
      exception: 2,
      exit: 1,
      memory: 1,
      hang: 1,
    });
    expect(linesOf(server, /clients have been taken over/)).toBe(5);
    await roamAndLeave(lab, server, client);
  },
  LONG,
);

async function expectNothingLost(pings: PingStream): Promise<void> {
  const { lost, received } = await pings.end();
  expect(received).toBeGreaterThan(500);
  expect(lost).toEqual([]);
}

/** Of an `iperf3` that has run until now. After a pause of the machine it reports the seconds that it has missed, which are no seconds. */
async function expectNeverStill(stream: Running): Promise<void> {
  stream.signal('SIGINT');
  await stream.ended;
  const intervals = [...stream.log().matchAll(/([\d.]+)-([\d.]+) +sec +([\d.]+) (\w*)Bytes .*bits\/sec +\d+ /g)];
  const seconds = intervals.filter(([, begin, end]) => Number(end) - Number(begin) > 0.9);
  expect(seconds.length).toBeGreaterThan(8);
  for (const [line, , , bytes] of seconds) expect([line, Number(bytes) > 0]).toEqual([line, true]);
}

/** What the successor has to do for a client that it has not seen connect; then somebody new comes. */
async function roamAndLeave(lab: Lab, server: Running, client: Client): Promise<void> {
  const had = handshakes(client);
  await kill(lab, server, 'exit');
  client.host.ip('addr', 'del', `${client.host.ipv4}/24`, 'dev', 'net0');
  client.host.ip('addr', 'add', '192.0.2.102/24', 'dev', 'net0');
  expect(await client.reaches('10.8.0.1')).toBe(true);
  await server.says(/client1 moved from=192\.0\.2\.2:\d+ to=192\.0\.2\.102:\d+/, 60);
  const newcomer = await Client.connect(lab, 3, { name: 'client2' });
  expect(await newcomer.reaches('10.8.0.1')).toBe(true);
  await until('a control channel', () => handshakes(client) > had, { seconds: 60 });
  await client.stop();
  await server.says(/client1 disconnected .*reason=exit-notify/, 60);
  expect((await statusWith(lab, 1)).clients.map(({ name }) => name)).toEqual(['client2']);
}

ours(
  'clients of wrappings old and new renegotiate when they want to, after a worker has died',
  async (lab) => {
    const settings = { lines: ['workers 1', 'reneg-sec 0'], faults: true } as const;
    for (const wrapping of ['none', 'tls-auth'] as const) {
      const server = await startServer(lab, { ...settings, wrapping });
      const client = await Client.connect(lab, 2, { wrapping, lines: ['reneg-sec 5'] });
      await kill(lab, server, 'exit');
      const pings = client.ping('10.8.0.1', ['-q', '-i', '0.02', '-c', '400', '-W', '3']);
      await until('two renegotiations', () => handshakes(client) >= 3, { seconds: 60 });
      expect(await pings).toEqual({ sent: 400, received: 400 });
      expect(client.log()).not.toMatch(/TLS Error|SIGUSR1/);
      await lab.stopAll();
    }
  },
  LONG,
);

ours(
  'a renegotiation that is under way when its worker dies goes on, and no packet is lost',
  async (lab) => {
    const times = ['hand-window 30', 'reneg-sec 0'];
    const server = await startServer(lab, { faults: true, lines: ['workers 1', ...times] });
    await startHostileRelay(lab, lab.host(4), { control: true, lag: DELAY });
    const client = await Client.connect(lab, 4, { remote: RELAYED, lines: ['hand-window 30', 'reneg-sec 8'] });
    const pings = PingStream.start(client.host, '10.8.0.1', 0.01);
    const begun = (): number => linesOf(client.process, /TLS: soft reset/);
    for (let turn = 0; turn < 2; ) {
      const [had, keys] = [begun(), handshakes(client)];
      await until('a renegotiation', () => begun() > had, { seconds: 60 });
      // The reset has arrived after one delay, the first TLS bytes after two: their answer waits for the client's.
      await sleep(2.5 * DELAY);
      if (handshakes(client) > keys) continue; // this test has slept for too long
      turn++;
      await kill(lab, server, 'exit');
      await until('its end', () => handshakes(client) > keys);
    }
    await expectNothingLost(pings);
    expect(client.log()).not.toMatch(/TLS Error|SIGUSR1/);
  },
  LONG,
);

/** Milliseconds from the client to the server. */
const DELAY = 500;

ours(
  'a client whose snapshot is of no use is told to connect again, and does so at once',
  async (lab) => {
    const server = await startServer(lab, { faults: true, lines: ['workers 1', 'keepalive 10 600'] });
    const client = await Client.connect(lab, 2);
    await kill(lab, server, 'snapshots');
    await server.says(/client1 disconnected .*reason=state-lost/, 60);
    await client.connected(2, 60);
    expect(await client.reaches('10.8.0.1')).toBe(true);
    expect(client.log()).not.toMatch(/Inactivity timeout/);
    await statusWith(lab, 1);
  },
  LONG,
);

ours(
  'ten crashes in a row back off, are logged and counted, and leave the other shards alone',
  async (lab) => {
    const server = await startServer(lab, { faults: true });
    const client = await Client.connect(lab, 2);
    const pings = PingStream.start(client.host, '10.8.0.1', 0.01);
    for (let crash = 1; crash <= 10; crash++) await kill(lab, server, 'exit', 1);
    await expectNothingLost(pings);
    for (let failure = 1; failure <= 10; failure++)
      expect(
        linesOf(server, new RegExp(`worker of shard 1 ended with code 7 reason=exit failures=${failure}\\b`)),
      ).toBe(1);
    expect(linesOf(server, /worker of shard 0/)).toBe(0);
    const { body } = await lab.serverHost.get('http://127.0.0.1:8505/metrics');
    expect(body).toContain('shardvpn_worker_restarts_total{shard="1",reason="exit"} 10');
    expect(body).not.toMatch(/worker_restarts_total\{shard="0",reason="\w+"\} [1-9]/);
  },
  LONG,
);

ours(
  'a handshake that its worker has not lived to see is tried again by the client',
  async (lab) => {
    const server = await startServer(lab, { faults: true, lines: ['workers 1', 'hand-window 10'] });
    const client = Client.start(lab, 2, { lines: ['hand-window 10'] });
    await client.process.says(/TLS: Initial packet from/);
    await kill(lab, server, 'exit');
    await client.connected(1, 60);
    await statusWith(lab, 1);
  },
  LONG,
);

ours(
  'a server refuses to start where faults could be injected unseen',
  async (lab) => {
    const words = [...shardvpnCommand, '--config', writeServerConfig(lab)];
    const server = lab.serverHost.start('server', words, { env: { SHARDVPN_FAULTS: '/tmp/faults' } });
    expect(await server.ended).toBe(1);
    expect(server.log()).toContain('--allow-fault-injection');
  },
  LONG,
);
