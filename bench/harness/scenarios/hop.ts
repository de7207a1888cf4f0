import { runTcp, startIperfServer } from '../clients/iperf.js';
import { connectElsewhere } from '../clients/placed-client.js';
import { TunnelClient } from '../clients/tunnel-client.js';
import { ADMIN } from '../lab/configs.js';
import { type DataCounts, readDataCounts } from '../measure/data-counts.js';
import { otherSide } from '../other-side.js';
import { ourSide } from '../our-side.js';
import type { FigureSpec } from '../results.js';
import { figuresOnly, type Scenario } from '../scenario.js';
import { ServerUnderTest } from '../server-under-test.js';

const STREAMS = [1, 4];
const LINES = ['client-to-client', `admin-http ${ADMIN.host}:${ADMIN.port}`];
const ONE_SHARD = ourSide('shards1', 'one shard', [...LINES, 'workers 1']);
const TWO_SHARDS = ourSide('shards2', 'two shards', [...LINES, 'workers 2']);

/** From one client to another: within a shard, and from a shard to its neighbour. */
export const hop: Scenario = {
  name: 'hop',
  title: 'From client to client, on one shard and from one to another',

  sides({ options }) {
    const other = otherSide(options.against);
    const ours = [ONE_SHARD, TWO_SHARDS];
    return other === null
      ? { sides: ours, baseline: ONE_SHARD.id }
      : { sides: [{ ...other, lines: ['client-to-client'] }, ...ours], baseline: other.id };
  },

  figures: () => STREAMS.flatMap(specsOf),

  async measure(bench, lab, side) {
    const server = await ServerUnderTest.start(bench, lab, side);
    const from = await TunnelClient.connect(bench, lab, 0);
    const to =
      side === TWO_SHARDS ? await connectElsewhere(bench, lab, 1, from) : await TunnelClient.connect(bench, lab, 1);
    await startIperfServer(lab, 0, to.host);
    const count = async (): Promise<DataCounts | null> => (side.ours ? readDataCounts(lab.server) : null);
    const figures: Record<string, number> = {};
    for (const streams of STREAMS) {
      const before = { cpu: server.cpuSeconds, clients: from.cpuSeconds + to.cpuSeconds, counts: await count() };
      const { gbitPerSecond, gigabytes } = await runTcp(from.host, 'up', streams, bench.options.seconds, 0, to.address);
      figures[`tcp${streams}-gbit`] = gbitPerSecond;
      figures[`tcp${streams}-cpu`] = (server.cpuSeconds - before.cpu) / gigabytes;
      figures[`tcp${streams}-clients-cpu`] = (from.cpuSeconds + to.cpuSeconds - before.clients) / gigabytes;
      Object.assign(figures, hopFigures(streams, before.counts, await count()));
      bench.progress(
        `${labelOf(streams)}: ${gbitPerSecond.toFixed(3)} Gbit/s, server ${figures[`tcp${streams}-cpu`]?.toFixed(2)} CPU s/GB`,
      );
    }
    return figuresOnly(figures);
  },
};

/** Every packet between clients is counted twice: it comes in, and it goes out. */
function hopFigures(streams: number, before: DataCounts | null, after: DataCounts | null): Record<string, number> {
  if (before === null || after === null) return {};
  const packets = (total(after.packets) - total(before.packets)) / 2;
  return {
    [`tcp${streams}-hops`]: ((after.hops - before.hops) / packets) * 1000,
    [`tcp${streams}-full`]: ((after.hopFull - before.hopFull) / packets) * 1000,
  };
}

const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);

const labelOf = (streams: number): string => `${streams} ${streams === 1 ? 'stream' : 'streams'}`;

function specsOf(streams: number): FigureSpec[] {
  const [key, label] = [`tcp${streams}`, labelOf(streams)];
  const less = { better: 'less' } as const;
  return [
    { key: `${key}-gbit`, label, unit: 'Gbit/s', better: 'more', chart: 'Throughput' },
    { key: `${key}-cpu`, label: `${label}, server`, unit: 'CPU s/GB', chart: 'Server CPU per GB', ...less },
    { key: `${key}-clients-cpu`, label: `${label}, both clients`, unit: 'CPU s/GB', chart: null, ...less },
    { key: `${key}-hops`, label: `${label}, hops`, unit: 'in 1000 packets', chart: null, ...less },
    { key: `${key}-full`, label: `${label}, ring full`, unit: 'in 1000 packets', chart: null, ...less },
  ];
}
