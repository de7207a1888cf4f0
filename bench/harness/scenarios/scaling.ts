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
const MOST_ATTEMPTS = 30;

export const scaling: Scenario = {
  name: 'scaling',
  title: 'One shard and more, with a client for each of at most 4 processors, spread evenly',
  sides,
  figures: () => DIRECTIONS.flatMap(specsOf),

  async measure(bench, lab, side) {
    const server = await ServerUnderTest.start(bench, lab, side);
    const clients: TunnelClient[] = [];
    for (let n = 0; n < clientCount(); n++) {
      clients.push(side.ours ? await connectSpread(bench, lab, n) : await TunnelClient.connect(bench, lab, n));
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
      const gbit = sum(transfers.map(({ gbitPerSecond }) => gbitPerSecond));
      figures[`${direction}-gbit`] = gbit;
      figures[`${direction}-cpu`] = cpu / sum(transfers.map(({ gigabytes }) => gigabytes));
      if (before.counts !== null && after !== null) {
        const byShard = after.packets.map((packets, shard) => packets - (before.counts?.packets[shard] ?? 0));
        const packets = sum(byShard);
        figures[`${direction}-packet`] = (cpu / packets) * 1e6;
        figures[`${direction}-busiest`] = (Math.max(...byShard) / packets) * 100;
        figures[`${direction}-turn`] = packets / (after.turns - before.counts.turns);
        figures[`${direction}-sleeps`] = ((after.sleeps - before.counts.sleeps) / packets) * 1000;
        figures[`${direction}-hops`] = ((after.hops - before.counts.hops) / packets) * 1000;
      }
      bench.progress(`${clients.length} clients ${direction}: ${gbit.toFixed(3)} Gbit/s, ${cpu.toFixed(2)} CPU s`);
    }
    return figuresOnly(figures);
  },
};

/** A client's port decides on its shard, so it comes again until its shard has no more than its share of the clients. */
async function connectSpread(bench: Bench, lab: Lab, number: number): Promise<TunnelClient> {
  for (let attempt = 1; ; attempt++) {
    const client = await TunnelClient.connect(bench, lab, number);
    const { clients } = await readDataCounts(lab.server);
    if (Math.max(...clients) <= Math.ceil(sum(clients) / clients.length)) return client;
    if (attempt === MOST_ATTEMPTS) throw new Error(`${attempt} connects and no shard but a full one`);
    await client.stop();
    const isGone = async (): Promise<boolean> => sum((await readDataCounts(lab.server)).clients) === number;
    await lab.until('the server has forgotten the client', isGone, { everyMs: 200, seconds: 30 });
  }
}

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

const sum = (numbers: readonly number[]): number => numbers.reduce((all, number) => all + number, 0);

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
    {
      key: `${direction}-busiest`,
      label: `${direction}, busiest shard`,
      unit: '% of the packets',
      chart: null,
      ...less,
    },
    { key: `${direction}-turn`, label: `${direction}, in a turn`, unit: 'packets', chart: null, better: 'more' },
    { key: `${direction}-sleeps`, label: `${direction}, sleeps`, unit: 'in 1000 packets', chart: null, ...less },
    { key: `${direction}-hops`, label: `${direction}, hops`, unit: 'in 1000 packets', chart: null, ...less },
  ];
}
