import { join } from 'node:path';
import { expect } from '@jest/globals';
import { Client } from './lab/client.js';
import type { Running } from './lab/host.js';
import { type Lab, useLab } from './lab/lab.js';
import { isOurs, listens, startServer } from './lab/server.js';
import { statusWith } from './lab/status.js';
import { sleep, until } from './lab/until.js';

const RELAY = join(__dirname, 'programs/udp-relay.mjs');
const TRANSFER = join(__dirname, 'programs/transfer.mjs');
const BYTES = 20e6;
const PINGS_PER_SECOND = 200;
const MOVES = 8;
/** Pings that are under way at once, on a machine that has other things to do as well. */
const UNDER_WAY = 20;
const { scenario } = useLab();

scenario('a client under load moves between ports and addresses, and keeps session, shard and data', async (lab) => {
  const server = await startServer(lab, { lines: ['keepalive 1 20', 'reneg-sec 4'] });
  const { client, relay } = await connectThroughRelay(lab);
  const before = isOurs ? await onlyClient(lab) : null;
  const count = PINGS_PER_SECOND * MOVES;
  const pings = client.ping('10.8.0.1', ['-q', '-i', String(1 / PINGS_PER_SECOND), '-c', String(count), '-W', '2']);
  for (let move = 1; move <= MOVES; move++) {
    await moveAndFollow(lab, relay, move);
    await sleep(600);
  }
  const { sent, received } = await pings;
  expect(sent).toBe(count);
  expect(sent - received).toBeLessThanOrEqual(MOVES * UNDER_WAY);
  await listens(lab.serverHost.start('transfer', [process.execPath, TRANSFER, 'serve', '5000']), 5000);
  for (const direction of ['up', 'down']) {
    const transfer = client.host.exec(process.execPath, TRANSFER, '10.8.0.1', '5000', direction, String(BYTES));
    for (let move = 1; move <= 2; move++) {
      await sleep(300);
      relay.signal('SIGUSR2');
    }
    const { code, output } = await transfer;
    expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining('"matches":true') });
  }
  expect(client.log().match(/Initialization Sequence Completed/g)).toHaveLength(1);
  await until('a renegotiation', () => (client.log().match(/Control Channel: /g)?.length ?? 0) > 1);
  expect(server.isRunning).toBe(true);
  if (before === null) return;
  const after = await onlyClient(lab);
  expect(after).toMatchObject({ shard: before.shard, ipv4: before.ipv4 });
  expect(after.packetsReceived).toBeGreaterThan(before.packetsReceived + received);
});

scenario('the host of a client gets another address, and its program does not notice', async (lab) => {
  await startServer(lab, { lines: ['keepalive 1 20'] });
  const client = await Client.connect(lab, 2);
  const { host } = client;
  const pings = client.ping('10.8.0.1', ['-q', '-i', '0.05', '-c', '80', '-W', '2']);
  await sleep(1000);
  // Without it an address takes the later ones of its network along.
  await host.exec('sysctl', '-qw', 'net.ipv4.conf.net0.promote_secondaries=1');
  host.ip('addr', 'add', '192.0.2.150/24', 'dev', 'net0');
  host.ip('addr', 'del', `${host.ipv4}/24`, 'dev', 'net0');
  try {
    const { sent, received } = await pings;
    expect(sent).toBe(80);
    expect(sent - received).toBeLessThanOrEqual(UNDER_WAY);
    expect(client.log().match(/Initialization Sequence Completed/g)).toHaveLength(1);
    if (isOurs)
      await until('the status shows it', async () => /^192\.0\.2\.150:/.test((await onlyClient(lab)).realAddress));
  } finally {
    host.ip('addr', 'add', `${host.ipv4}/24`, 'dev', 'net0');
    host.ip('addr', 'del', '192.0.2.150/24', 'dev', 'net0');
  }
});

/** A client behind a relay that goes from port to port, and between two addresses. */
async function connectThroughRelay(lab: Lab): Promise<{ client: Client; relay: Running }> {
  const host = lab.host(3);
  host.ip('addr', 'add', '192.0.2.203/24', 'dev', 'net0');
  const sources = Array.from({ length: MOVES + 5 }, (_, n) => (n % 3 === 2 ? '192.0.2.203' : host.ipv4));
  const relay = host.start('relay', [process.execPath, RELAY, '7000', lab.serverHost.ipv4, '1194', ...sources]);
  await relay.says(/relay from/);
  return { client: await Client.connect(lab, 3, { remote: '127.0.0.1 7000 udp4' }), relay };
}

/** Moves, and waits until the server answers at the new address. */
async function moveAndFollow(lab: Lab, relay: Running, moves: number): Promise<void> {
  relay.signal('SIGUSR2');
  const address = await until('it has moved', () => [...relay.log().matchAll(/relay from (\S+)/g)][moves]?.[1]);
  if (!isOurs) return;
  await until(`the status shows ${address}`, async () => (await onlyClient(lab)).realAddress === address);
}

async function onlyClient(lab: Lab) {
  const { clients } = await statusWith(lab, 1);
  return clients[0] as (typeof clients)[number];
}
