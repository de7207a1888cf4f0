import { type Direction, runUdp, startIperfServer } from '../clients/iperf.js';
import { TunnelClient } from '../clients/tunnel-client.js';
import type { FigureSpec } from '../results.js';
import { figuresOnly, type Scenario, usualSides } from '../scenario.js';
import { ServerUnderTest } from '../server-under-test.js';

const CASES = [64, 512, 1400].flatMap((size) => (['up', 'down'] as const).map((direction) => ({ size, direction })));

export const pps: Scenario = {
  name: 'pps',
  title: 'UDP packets through the tunnel, as fast as one sender sends them',
  sides: usualSides,
  figures: () => CASES.flatMap(({ size, direction }) => specsOf(size, direction)),

  async measure(bench, lab, side) {
    const server = await ServerUnderTest.start(bench, lab, side);
    const client = await TunnelClient.connect(bench, lab, 0);
    await startIperfServer(lab);
    const figures: Record<string, number> = {};
    for (const { size, direction } of CASES) {
      const before = { cpu: server.cpuSeconds, read: await server.packetsFromTunnel() };
      const { received, sent, seconds } = await runUdp(client.host, direction, size, bench.options.seconds);
      const cpu = server.cpuSeconds - before.cpu;
      // Down, what the client could not take has cost the server all the same.
      const handled = direction === 'up' ? received : (await server.packetsFromTunnel()) - before.read;
      const key = keyOf(size, direction);
      figures[`${key}-kpps`] = received / seconds / 1000;
      figures[`${key}-cpu`] = (cpu / handled) * 1e6;
      figures[`${key}-loss`] = sent === 0 ? Number.NaN : (1 - received / sent) * 100;
      bench.progress(
        `${labelOf(size, direction)}: ${figures[`${key}-kpps`]?.toFixed(1)} k packets/s, server ${figures[`${key}-cpu`]?.toFixed(2)} us each`,
      );
    }
    return figuresOnly(figures);
  },
};

const keyOf = (size: number, direction: Direction): string => `udp${size}-${direction}`;
const labelOf = (size: number, direction: Direction): string => `${size} B ${direction}`;

function specsOf(size: number, direction: Direction): FigureSpec[] {
  const [key, label] = [keyOf(size, direction), labelOf(size, direction)];
  return [
    { key: `${key}-kpps`, label, unit: 'k packets/s', better: 'more', chart: 'Packets received' },
    {
      key: `${key}-cpu`,
      label: `${label}, server`,
      unit: 'CPU us/packet',
      better: 'less',
      chart: 'Server CPU per packet',
    },
    { key: `${key}-loss`, label: `${label}, lost`, unit: '%', better: 'less', chart: null },
  ];
}
