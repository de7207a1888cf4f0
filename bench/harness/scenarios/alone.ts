import type { Bench } from '../bench.js';
import { FAR_END, startFarEnd, stopFarEnd } from '../clients/far-end.js';
import type { Direction } from '../clients/iperf.js';
import { type Flood, floodClient } from '../clients/load-flood.js';
import { TUNNEL } from '../lab/configs.js';
import { type Lab, towards } from '../lab/lab.js';
import { type CpuTime, treeCpuTime } from '../measure/process-tree.js';
import { otherSide } from '../other-side.js';
import { ourSide } from '../our-side.js';
import type { FigureSpec } from '../results.js';
import type { Scenario } from '../scenario.js';
import { type DeviceCount, type DeviceCounts, ServerUnderTest } from '../server-under-test.js';

interface Case {
  readonly key: string;
  readonly label: string;
  readonly direction: Direction;
  /** UDP payload. */
  readonly size: number;
  /** The sender behind the server sends packet by packet. */
  readonly single: boolean;
  /** No more is sent than the receiver has been seen to take. */
  readonly paced: boolean;
}

const CASES: readonly Case[] = [
  { key: 'udp1372-up', label: '1372 B up', direction: 'up', size: 1372, single: false, paced: false },
  { key: 'udp1372-down', label: '1372 B down', direction: 'down', size: 1372, single: false, paced: true },
  { key: 'udp64-up', label: '64 B up', direction: 'up', size: 64, single: false, paced: false },
  { key: 'udp64-down', label: '64 B down', direction: 'down', size: 64, single: false, paced: true },
  { key: 'udp64-down-single', label: '64 B down, one by one', direction: 'down', size: 64, single: true, paced: false },
];

/**
 * What the server alone can carry: one simulated client and a program behind the server flood, and the figures are the server's CPU
 * time alone. Packets are counted where they leave it: up at its tunnel device, down at the device towards the client. So what the other
 * programs lose does not matter, and what the server drops counts for nothing. Down the client is slower than the server, and dropping a
 * packet is cheaper for it than taking it: a first flood shows what it takes, and the measured one is paced below that.
 */
export const alone: Scenario = {
  name: 'alone',
  title: 'The server alone, on one core, with batched UDP packets',

  sides: ({ options }) => {
    const other = otherSide(options.against);
    const ours = ourSide('shardvpn', 'shardvpn', ['workers 1']);
    return { sides: other === null ? [ours] : [other, ours], baseline: other?.id ?? null };
  },

  figures: () => CASES.flatMap(specsOf),

  async measure(bench, lab, side) {
    const server = await ServerUnderTest.start(bench, lab, side);
    const figures: Record<string, number> = {};
    for (const each of CASES) {
      const pps = each.paced ? await sustainable(bench, lab, server, each) : null;
      const { packets, seconds, cpu, carried, arrived } = await flood(
        bench,
        lab,
        server,
        each,
        pps,
        bench.options.seconds,
      );
      const total = cpu.user + cpu.system;
      figures[`${each.key}-gbit`] = (packets * each.size * 8) / 1e9 / total;
      figures[`${each.key}-cpu`] = (total / packets) * 1e6;
      figures[`${each.key}-system`] = (cpu.system / packets) * 1e6;
      figures[`${each.key}-kpps`] = packets / seconds / 1000;
      figures[`${each.key}-busy`] = (total / seconds) * 100;
      figures[`${each.key}-carried`] = carried * 100;
      figures[`${each.key}-arrived`] = arrived * 100;
      bench.progress(
        `${each.label}: ${figures[`${each.key}-gbit`]?.toFixed(2)} Gbit per CPU-second, ${figures[`${each.key}-cpu`]?.toFixed(2)} us a packet`,
      );
    }
    const remarks = [
      'up and one by one are floods: what the server cannot take is lost before it or in its socket, and what its receiver cannot take behind it',
    ];
    return { figures, latencies: {}, remarks };
  },
};

interface Flooded {
  /** Come out of the server, in so many seconds. */
  readonly packets: number;
  readonly seconds: number;
  readonly cpu: CpuTime;
  /** Of what has come to the server, what has come out of it (0 to 1). */
  readonly carried: number;
  /** Of that, what has come to its receiver. */
  readonly arrived: number;
}

const TRIAL_SECONDS = 0.7;
/** Of what the client took of a flood. */
const MARGIN = 0.9;

/** Packets a second that the client takes for sure. */
async function sustainable(bench: Bench, lab: Lab, server: ServerUnderTest, each: Case): Promise<number> {
  const { packets, seconds, arrived } = await flood(bench, lab, server, each, null, TRIAL_SECONDS);
  return Math.max(1, Math.floor((packets / seconds) * Math.min(1, arrived) * MARGIN));
}

/** From the first packets until the flow is even. */
const SETTLE_SECONDS = 0.5;

async function flood(
  bench: Bench,
  lab: Lab,
  server: ServerUnderTest,
  each: Case,
  pps: number | null,
  length: number,
): Promise<Flooded> {
  const { direction, size } = each;
  const host = lab.client(0);
  const farEnd = await startFarEnd(lab, direction === 'up' ? { type: 'sink' } : { type: 'flood', ...each, pps });
  const origin = await read(server);
  const client: Flood = await floodClient(bench, lab, host, { direction, size, to: FAR_END });
  await lab.sleep(SETTLE_SECONDS);
  const before = await read(server);
  await lab.sleep(length);
  const after = await read(server);
  const received = await client.stop();
  const { received: sunk } = await stopFarEnd(farEnd);
  const end = await read(server);
  const out = direction === 'up' ? inside : outside;
  const came = direction === 'up' ? outside : inside;
  const count = (at: Place, from: Reading, to: Reading): number =>
    payloads(at.counts(from)[direction], at.counts(to)[direction], size, at);
  const left = count(out, origin, end);
  return {
    packets: count(out, before, after),
    seconds: after.at - before.at,
    cpu: { user: after.cpu.user - before.cpu.user, system: after.cpu.system - before.cpu.system },
    carried: left / count(came, origin, end),
    arrived: (direction === 'up' ? sunk : received) / left,
  };
}

interface Reading {
  readonly at: number;
  readonly cpu: CpuTime;
  readonly tunnel: DeviceCounts;
  readonly path: DeviceCounts;
}

async function read(server: ServerUnderTest): Promise<Reading> {
  const [tunnel, path] = await server.deviceCounts(TUNNEL.device, towards(0));
  return { at: performance.now() / 1000, cpu: treeCpuTime(server.running.pid), tunnel, path };
}

/** What a payload is wrapped in, in bytes. */
interface Wrapping {
  readonly perPayload: number;
  /** Once for a superpacket. */
  readonly perPacket: number;
}

interface Place extends Wrapping {
  counts(reading: Reading): DeviceCounts;
}

const IPV4_UDP = 28;
/** Of an AEAD data packet: opcode and peer-id, packet number, tag. */
const DATA_CHANNEL = 4 + 4 + 16;
const ETHERNET = 14;

/** The server's tunnel device, and the device on the path to its client. */
const inside: Place = { perPayload: 0, perPacket: IPV4_UDP, counts: ({ tunnel }) => tunnel };
const outside: Place = {
  perPayload: IPV4_UDP + DATA_CHANNEL,
  perPacket: IPV4_UDP + ETHERNET,
  counts: ({ path }) => path,
};

/** Whole packets of this payload, whichever way they were joined on the device. */
export function payloads(from: DeviceCount, to: DeviceCount, size: number, wrapping: Wrapping): number {
  const headers = (to.packets - from.packets) * wrapping.perPacket;
  return Math.round((to.bytes - from.bytes - headers) / (size + wrapping.perPayload));
}

function specsOf({ key, label, size }: Case): FigureSpec[] {
  const less = { better: 'less' } as const;
  const gbit: FigureSpec = {
    key: `${key}-gbit`,
    label,
    unit: 'Gbit per CPU-s',
    better: 'more',
    chart: size > 1000 ? 'Payload per CPU-second of the server' : null,
  };
  return [
    gbit,
    { key: `${key}-cpu`, label: `${label}, server`, unit: 'CPU us/packet', chart: 'Server CPU per packet', ...less },
    { key: `${key}-system`, label: `${label}, of it in the kernel`, unit: 'CPU us/packet', chart: null, ...less },
    { key: `${key}-kpps`, label, unit: 'k packets/s', better: 'more', chart: null },
    { key: `${key}-busy`, label: `${label}, server busy`, unit: '% of a core', better: 'more', chart: null },
    { key: `${key}-carried`, label: `${label}, carried of what came`, unit: '%', better: 'more', chart: null },
    { key: `${key}-arrived`, label: `${label}, arrived of it`, unit: '%', better: 'more', chart: null },
  ];
}
