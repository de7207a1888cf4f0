import type { Bench } from '../bench.js';
import { startFarEnd } from '../clients/far-end.js';
import { type Direction, runUdp, startIperfServer } from '../clients/iperf.js';
import { runEcho } from '../clients/load-traffic.js';
import { TunnelClient } from '../clients/tunnel-client.js';
import type { Lab } from '../lab/lab.js';
import type { FigureSpec } from '../results.js';
import { type Scenario, usualSides } from '../scenario.js';
import { ServerUnderTest } from '../server-under-test.js';

const SIZES = [64, 512, 1400];
const DIRECTIONS: readonly Direction[] = ['up', 'down'];

/** Up and down are one sender that does not wait; an echo are simulated clients that send what has come back. */
type Kind = Direction | 'echo';

export const pps: Scenario = {
  name: 'pps',
  title: 'UDP packets through the tunnel',
  sides: usualSides,
  figures: () => SIZES.flatMap((size) => [...DIRECTIONS, 'echo' as const].flatMap((kind) => specsOf(size, kind))),

  async measure(bench, lab, side) {
    const server = await ServerUnderTest.start(bench, lab, side);
    const client = await TunnelClient.connect(bench, lab, 0);
    await startIperfServer(lab);
    const figures: Record<string, number> = {};
    const take = (size: number, kind: Kind, { received, handled, sent, seconds, cpu }: Packets): void => {
      const key = keyOf(size, kind);
      figures[`${key}-kpps`] = received / seconds / 1000;
      figures[`${key}-cpu`] = (cpu / handled) * 1e6;
      figures[`${key}-loss`] = (1 - received / sent) * 100;
      const [rate, each] = [figures[`${key}-kpps`]?.toFixed(1), figures[`${key}-cpu`]?.toFixed(2)];
      bench.progress(`${labelOf(size, kind)}: ${rate} k packets/s, server ${each} us each`);
    };
    for (const size of SIZES) {
      for (const direction of DIRECTIONS) take(size, direction, await flood(bench, server, client, size, direction));
    }
    await client.stop();
    await startFarEnd(lab, { type: 'echo' });
    for (const size of SIZES) take(size, 'echo', await echo(bench, lab, server, size));
    const remarks = [
      'up, down: one iperf3 sender that does not wait; echo: simulated clients, a packet is handled twice',
    ];
    return { figures, latencies: {}, remarks };
  },
};

interface Packets {
  readonly sent: number;
  readonly received: number;
  /** By the server. */
  readonly handled: number;
  readonly seconds: number;
  readonly cpu: number;
}

async function flood(
  bench: Bench,
  server: ServerUnderTest,
  client: TunnelClient,
  size: number,
  direction: Direction,
): Promise<Packets> {
  const before = { cpu: server.cpuSeconds, read: await server.packetsFromTunnel() };
  const { received, sent, seconds } = await runUdp(client.host, direction, size, bench.options.seconds);
  const cpu = server.cpuSeconds - before.cpu;
  // Down, what the client could not take has cost the server all the same.
  const handled = direction === 'up' ? received : (await server.packetsFromTunnel()) - before.read;
  return { sent, received, handled, seconds, cpu };
}

async function echo(bench: Bench, lab: Lab, server: ServerUnderTest, size: number): Promise<Packets> {
  const { sent, received, seconds, serverCpu: cpu } = await runEcho(bench, lab, lab.client(0), server, size);
  return { sent, received, handled: sent + received, seconds, cpu };
}

const keyOf = (size: number, kind: Kind): string => `udp${size}-${kind}`;
const labelOf = (size: number, kind: Kind): string => `${size} B ${kind}`;

function specsOf(size: number, kind: Kind): FigureSpec[] {
  const [key, label] = [keyOf(size, kind), labelOf(size, kind)];
  const less = { better: 'less' } as const;
  return [
    { key: `${key}-kpps`, label, unit: 'k packets/s', better: 'more', chart: 'Packets received' },
    { key: `${key}-cpu`, label: `${label}, server`, unit: 'CPU us/packet', chart: 'Server CPU per packet', ...less },
    { key: `${key}-loss`, label: `${label}, lost`, unit: '%', chart: null, ...less },
  ];
}
