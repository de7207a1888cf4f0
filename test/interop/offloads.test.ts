import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect } from '@jest/globals';
import { Client } from './lab/client.js';
import type { Host } from './lab/host.js';
import { type Lab, type Step, useStandingLab } from './lab/lab.js';
import { OurClient } from './lab/our-client.js';
import { isOurs, startServer } from './lab/server.js';
import { readStatus, totalsOf } from './lab/status.js';
import { sleep, until } from './lab/until.js';
import { ALL_OFFLOADS, type Offloads, setOffloads, Wire } from './lab/wire.js';

const EXCHANGE = join(__dirname, 'programs/exchange.mjs');
const PORT = 5000;
/** Of the longest packet: DATA_V2 with a tag, UDP and IPv6. */
const OVERHEAD = 24 + 48;
const TARGETS = ['10.8.0.1', 'fd00:8::1'];

/** A server and its clients, each behind a wire of its own. */
interface Net {
  readonly lab: Lab;
  readonly wires: readonly Wire[];
  readonly sender: string;
  readonly tunMtu: number;
}

/** What is different from a wire that can do everything, and whether nothing joins datagrams on their way any more. */
interface Setting {
  readonly offloads?: Offloads;
  readonly mtu?: number;
  readonly alone?: boolean;
}

const NO_SEGMENTATION: Offloads = { tso: 'off', gso: 'off', 'tx-udp-segmentation': 'off' };
const PLAIN_TUN: Offloads = { tx: 'off', ...NO_SEGMENTATION, sg: 'off', gro: 'off' };
const GOOD_TUN: Offloads = { sg: 'on', tx: 'on', tso: 'on', 'tx-udp-segmentation': 'on', gso: 'on', gro: 'on' };
const EVERYTHING: Setting = {};
const NOTHING: Setting = { offloads: { ...PLAIN_TUN, rx: 'off' }, alone: true };

const WIRES: Readonly<Record<string, Setting>> = {
  everything: EVERYTHING,
  'no GRO': { offloads: { gro: 'off' } },
  'GRO without rx-udp-gro-forwarding': { offloads: { 'rx-udp-gro-forwarding': 'off' } },
  'GRO by lists': { offloads: { 'rx-gro-list': 'on' } },
  'no TSO, no GSO': { offloads: NO_SEGMENTATION },
  'no TSO, no GSO, no GRO': { offloads: { ...NO_SEGMENTATION, gro: 'off' }, alone: true },
  'no USO': { offloads: { 'tx-udp-segmentation': 'off' } },
  'no checksums on sending': { offloads: { tx: 'off' } },
  'no checksums on receiving': { offloads: { rx: 'off' } },
  'no checksums': { offloads: { tx: 'off', rx: 'off' } },
  'no scatter-gather': { offloads: { sg: 'off' } },
  nothing: NOTHING,
};

describe('tun-mtu 1500', () => {
  const step = useStandingLab((lab) => start(lab, 1500));
  for (const [name, setting] of Object.entries(WIRES)) step(`a wire with ${name}`, (net) => proveSetting(net, setting));
  wiresOfMtu(step, 1400, 1280, 9000);
  if (isOurs) {
    offloadsOfTheTun(step);
    step('a wire whose offloads and MTU come and go while traffic flows', (net) =>
      proveChanges(net, (even) => prepare(net, even ? { ...NOTHING, mtu: 1300 } : EVERYTHING)),
    );
  }
});

describe('tun-mtu 8900', () => {
  const step = useStandingLab((lab) => start(lab, 8900));
  wiresOfMtu(step, 9000, 1500);
});

function wiresOfMtu(step: Step<Net>, ...mtus: readonly number[]): void {
  for (const mtu of mtus) {
    step(`a wire of MTU ${mtu} with everything`, (net) => proveSetting(net, { ...EVERYTHING, mtu }));
    step(`a wire of MTU ${mtu} with nothing`, (net) => proveSetting(net, { ...NOTHING, mtu }));
  }
}

/** Of ours; a stock openvpn asks for no offloads. */
function offloadsOfTheTun(step: Step<Net>): void {
  for (const side of ['server', 'client'] as const) {
    const set = ({ wires: [first, second] }: Net, offloads: Offloads): void => {
      const hosts = [first, second].map((wire) => (side === 'server' ? wire?.server : wire?.other));
      for (const host of new Set(hosts)) if (host) setOffloads(host, 'tun0', offloads);
    };
    step(`a TUN of the ${side} without offloads`, async (net) => {
      set(net, PLAIN_TUN);
      await proveSetting(net, EVERYTHING);
      set(net, GOOD_TUN);
    });
    step(`a TUN of the ${side} whose offloads come and go while traffic flows`, async (net) => {
      prepare(net, EVERYTHING);
      await proveChanges(net, (even) => set(net, even ? PLAIN_TUN : GOOD_TUN));
    });
  }
}

async function start(lab: Lab, tunMtu: number): Promise<Net> {
  const sender = join(lab.folder, 'superpackets');
  execFileSync('gcc', ['-O1', '-Wall', '-o', sender, join(__dirname, 'programs/superpackets.c')]);
  const wires = [2, 3, 4].map((number) => new Wire(lab.serverHost, lab.host(number), number));
  const lines = [`tun-mtu ${tunMtu}`];
  const proto = isOurs ? 'proto udp' : 'proto udp6';
  await startServer(lab, { lines: [...lines, proto, 'duplicate-cn', 'server-ipv6 fd00:8::/64'] });
  const [first, second, third] = wires as [Wire, Wire, Wire];
  await Promise.all([
    OurClient.connect(lab, 2, { lines, remotes: [`${first.ipv4} 1194 udp4`] }),
    OurClient.connect(lab, 3, { lines, remotes: [`${second.ipv6} 1194 udp6`] }),
    Client.connect(lab, 4, { lines, remote: `${third.ipv4} 1194 udp4` }),
  ]);
  lab.serverHost.start('exchange', [process.execPath, EXCHANGE, 'serve', String(PORT), sender]);
  const listens = `:${PORT + 1} `;
  await until('the exchange listens', async () => (await lab.serverHost.exec('ss', '-Hltn')).output.includes(listens));
  return { lab, wires, sender, tunMtu };
}

function prepare(net: Net, { offloads = {}, mtu = 1500 }: Setting): void {
  for (const wire of net.wires) {
    wire.setMtu(mtu);
    wire.setOffloads({ ...ALL_OFFLOADS, ...offloads });
  }
}

/** Everything arrives, nothing is late at our clients, and the counters say how it travelled. */
async function proveSetting(net: Net, setting: Setting): Promise<void> {
  prepare(net, setting);
  const before = await totals(net);
  const [first, second, stock] = await exchangeAll(net, PATIENCE_MS);
  expect({ first, second, stock }).toEqual({
    first: perfect(0),
    second: perfect(0),
    stock: perfect(expect.any(Number)),
  });
  if (!isOurs) return;
  const { mtu = 1500 } = setting;
  const after = await totals(net);
  const grown = (name: string): number => (after[name] ?? 0) - (before[name] ?? 0);
  expect({
    datagramsCameJoined: grown('udp-received-buffers') < grown('udp-received') / 2,
    superpacketsWereRefused: grown('gso-refused') > 0,
  }).toEqual({
    datagramsCameJoined: !setting.alone && mtu >= net.tunMtu,
    superpacketsWereRefused: mtu < net.tunMtu + OVERHEAD,
  });
  expect(FAULTS.filter((name) => grown(name) > 0)).toEqual([]);
}

/** What must not happen, whatever the network card lacks. */
const FAULTS = [
  'gso-given-up',
  'udp-send-refused',
  'udp-unusable',
  'udp-receive-errors',
  'tun-read-errors',
  'tun-write-errors',
  'drop malformed-inner',
  'drop malformed-superpacket',
  'drop unauthentic',
];

const totals = async (net: Net): Promise<Readonly<Record<string, number>>> =>
  isOurs ? totalsOf(await readStatus(net.lab)) : {};

/** `change` is called again and again while everything flows; datagrams that it costs are sent once more. */
async function proveChanges(net: Net, change: (even: boolean) => void): Promise<void> {
  let flows = true;
  const traffic = exchangeAll(net, IMPATIENCE_MS).finally(() => {
    flows = false;
  });
  for (let turn = 0; flows || turn % 2 === 1; turn++) {
    change(turn % 2 === 0);
    await sleep(20);
  }
  expect(await traffic).toEqual(net.wires.map(() => perfect(expect.any(Number))));
}

/** `patience`: milliseconds after which our clients send a burst of datagrams once more. A stock one may lose some at any time. */
const exchangeAll = (net: Net, patience: number): Promise<unknown[]> =>
  Promise.all(
    net.wires.map(({ other }, index) =>
      index < 2 ? exchange(net, other, 4e6, patience) : exchange(net, other, 1e6, IMPATIENCE_MS),
    ),
  );

/** Longer than a machine does anything else. */
const PATIENCE_MS = 20_000;
const IMPATIENCE_MS = 400;

async function exchange({ sender, tunMtu }: Net, client: Host, bytes: number, patience: number): Promise<unknown> {
  const words = [EXCHANGE, PORT, sender, bytes, tunMtu, patience, ...TARGETS].map(String);
  const { code, output } = await client.exec(process.execPath, ...words);
  return code === 0 ? JSON.parse(output) : output;
}

const perfect = (repeats: unknown): unknown =>
  Object.fromEntries(
    TARGETS.flatMap((host) => [
      [`tcp up ${host}`, 'same'],
      [`tcp down ${host}`, 'same'],
      [`udp up ${host}`, { lost: 0, strange: 0, repeats }],
      [`udp down ${host}`, { lost: 0, strange: 0, repeats }],
    ]),
  );
