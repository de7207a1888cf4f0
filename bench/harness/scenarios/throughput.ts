import { type Direction, runTcp, startIperfServer } from '../clients/iperf.js';
import { TunnelClient } from '../clients/tunnel-client.js';
import type { FigureSpec } from '../results.js';
import { figuresOnly, type Scenario, usualSides } from '../scenario.js';
import { ServerUnderTest } from '../server-under-test.js';

const CASES = [1, 4].flatMap((streams) => (['up', 'down'] as const).map((direction) => ({ streams, direction })));

export const throughput: Scenario = {
  name: 'throughput',
  title: 'TCP through the tunnel',
  sides: usualSides,
  figures: () => CASES.flatMap(({ streams, direction }) => specsOf(streams, direction)),

  async measure(bench, lab, side) {
    const server = await ServerUnderTest.start(bench, lab, side);
    const client = await TunnelClient.connect(bench, lab, 0);
    await startIperfServer(lab);
    const figures: Record<string, number> = {};
    for (const { streams, direction } of CASES) {
      const before = { server: server.cpuSeconds, client: client.cpuSeconds };
      const { gbitPerSecond, gigabytes } = await runTcp(client.host, direction, streams, bench.options.seconds);
      const key = keyOf(streams, direction);
      figures[`${key}-gbit`] = gbitPerSecond;
      figures[`${key}-cpu`] = (server.cpuSeconds - before.server) / gigabytes;
      figures[`${key}-client-cpu`] = (client.cpuSeconds - before.client) / gigabytes;
      bench.progress(
        `${labelOf(streams, direction)}: ${gbitPerSecond.toFixed(3)} Gbit/s, server ${figures[`${key}-cpu`]?.toFixed(2)} CPU s/GB`,
      );
    }
    return figuresOnly(figures);
  },
};

const keyOf = (streams: number, direction: Direction): string => `tcp${streams}-${direction}`;
const labelOf = (streams: number, direction: Direction): string =>
  `${streams} ${streams === 1 ? 'stream' : 'streams'} ${direction}`;

function specsOf(streams: number, direction: Direction): FigureSpec[] {
  const [key, label] = [keyOf(streams, direction), labelOf(streams, direction)];
  return [
    { key: `${key}-gbit`, label, unit: 'Gbit/s', better: 'more', chart: 'Throughput' },
    { key: `${key}-cpu`, label: `${label}, server`, unit: 'CPU s/GB', better: 'less', chart: 'Server CPU per GB' },
    { key: `${key}-client-cpu`, label: `${label}, client`, unit: 'CPU s/GB', better: 'less', chart: null },
  ];
}
