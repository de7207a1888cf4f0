import { cpus } from 'node:os';
import type { Bench } from '../bench.js';
import { type Direction, runTcp, startIperfServer } from '../clients/iperf.js';
import { TunnelClient } from '../clients/tunnel-client.js';
import { ADMIN } from '../lab/configs.js';
import type { Lab } from '../lab/lab.js';
import { type DataCounts, readDataCounts } from '../measure/data-counts.js';
import { otherSide } from '../other-side.js';
import { ourSide } from '../our-side.js';
import type { FigureSpec } from '../results.js';
import { figuresOnly, type Scenario } from '../scenario.js';
import { ServerUnderTest } from '../server-under-test.js';
import type { Side } from '../side.js';

const DIRECTIONS: readonly Direction[] = ['up', 'down'];
const MOST_CLIENTS = 4;

export const scaling: Scenario = {
  name: 'scaling',
  title: 'One shard and more, with a client for each of at most 4 processors',
  sides,
  figures: () => DIRECTIONS.flatMap(specsOf),

  async measure(bench, lab, side) {
    const server = await ServerUnderTest.start(bench, lab, side);
    const clients: TunnelClient[] = [];
    for (let n = 0; n < clientCount(); n++) {
      clients.push(await TunnelClient.connect(bench, lab, n));
      await startIperfServer(lab, n);
    }
    const figures: Record<string, number> = {};
    for (const direction of DIRECTIONS) {
      const before = { cpu: server.cpuSeconds, counts: await counts(lab, side) };
      const transfers = await Promise.all(
        clients.map(({ host }, n) => runTcp(host, direction, 1, bench.options.seconds, n)),
      );
      const cpu = server.cpuSeconds - before.cpu;
      const after = await counts(lab, side);
      const gbit = transfers.reduce((sum, { gbitPerSecond }) => sum + gbitPerSecond, 0);
      figures[`${direction}-gbit`] = gbit;
      figures[`${direction}-cpu`] = cpu / transfers.reduce((sum, { gigabytes }) => sum + gigabytes, 0);
      if (before.counts !== null && after !== null) {
        const packets = after.packets - before.counts.packets;
        figures[`${direction}-packet`] = (cpu / packets) * 1e6;
        figures[`${direction}-hops`] = ((after.hops - before.counts.hops) / packets) * 1000;
      }
      bench.progress(`${clients.length} clients ${direction}: ${gbit.toFixed(3)} Gbit/s, ${cpu.toFixed(2)} CPU s`);
    }
    return figuresOnly(figures);
  },
};

function sides({ options }: Bench): { sides: readonly Side[]; baseline: string | null } {
  const shards = [1];
  while ((shards.at(-1) ?? 1) * 2 <= cpus().length) shards.push((shards.at(-1) ?? 1) * 2);
  const ours = shards.map((n) =>
    ourSide(`shards${n}`, n === 1 ? '1 shard' : `${n} shards`, [
      `workers ${n}`,
      `admin-http ${ADMIN.host}:${ADMIN.port}`,
    ]),
  );
  const other = otherSide(options.against);
  return { sides: other === null ? ours : [other, ...ours], baseline: 'shards1' };
}

const clientCount = (): number => Math.min(MOST_CLIENTS, Math.max(2, cpus().length));

const counts = async (lab: Lab, side: Side): Promise<DataCounts | null> =>
  side.ours ? readDataCounts(lab.server) : null;

function specsOf(direction: Direction): FigureSpec[] {
  const less = { better: 'less' } as const;
  return [
    {
      key: `${direction}-gbit`,
      label: `${direction}, all clients`,
      unit: 'Gbit/s',
      better: 'more',
      chart: 'Throughput',
    },
    { key: `${direction}-cpu`, label: `${direction}, server`, unit: 'CPU s/GB', chart: 'Server CPU per GB', ...less },
    { key: `${direction}-packet`, label: `${direction}, server`, unit: 'CPU us/packet', chart: null, ...less },
    { key: `${direction}-hops`, label: `${direction}, hops`, unit: 'in 1000 packets', chart: null, ...less },
  ];
}
