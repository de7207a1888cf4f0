import type { Bench } from '../bench.js';
import { chooseCrowd } from '../clients/choose-crowd.js';
import type { Lab } from '../lab/lab.js';
import type { FigureSpec, Measurement } from '../results.js';
import type { Scenario } from '../scenario.js';
import { usualSides } from '../scenario.js';
import { ServerUnderTest } from '../server-under-test.js';
import type { Side } from '../side.js';

const SIZES = [100, 1_000, 10_000];
/** A server that has just started, or has just taken up its clients, is not idle yet. */
const SETTLE_SECONDS = 2;
/** Each client pings, and is pinged, once in this time. */
const PING_SECONDS = 10;

export const clients: Scenario = {
  name: 'clients',
  title: 'Clients that only keep alive',
  sides: usualSides,
  figures: (bench) => [
    { key: 'empty-mib', label: 'memory without clients', unit: 'MiB', better: 'less', chart: null },
    ...sizesOf(bench).flatMap(specsOf),
  ],

  async measure(bench, lab, side) {
    const parts: Measurement[] = [];
    for (const size of sizesOf(bench)) parts.push(await withClients(bench, lab, side, size));
    const remarks = new Set([`clients: ${chooseCrowd(bench.options).label}`, ...parts.flatMap((part) => part.remarks)]);
    return { figures: Object.assign({}, ...parts.map((part) => part.figures)), latencies: {}, remarks: [...remarks] };
  },
};

async function withClients(bench: Bench, lab: Lab, side: Side, size: number): Promise<Measurement> {
  const crowd = chooseCrowd(bench.options);
  if (size > crowd.limit) {
    return {
      figures: {},
      latencies: {},
      remarks: [`${size} clients left out: ${crowd.label} are at most ${crowd.limit}`],
    };
  }
  const server = await ServerUnderTest.start(bench, lab, side);
  await lab.sleep(SETTLE_SECONDS);
  const empty = server.residentMiB;
  const gathered = await crowd.gather(bench, lab, lab.client(0), {
    clients: size,
    rate: 'max',
  });
  await lab.sleep(SETTLE_SECONDS);
  const memory = server.residentMiB;
  const before = server.cpuSeconds;
  const idleSeconds = Math.max(bench.options.seconds, PING_SECONDS);
  await lab.sleep(idleSeconds);
  const cpu = ((server.cpuSeconds - before) / idleSeconds) * 100;
  await gathered.leave();
  await server.stop();
  bench.progress(`${gathered.connected} of ${size} clients: ${memory.toFixed(0)} MiB, ${cpu.toFixed(1)} % of one core`);
  const figures = {
    'empty-mib': empty,
    [`n${size}-mib`]: memory,
    [`n${size}-kib-each`]: ((memory - empty) * 1024) / Math.max(1, gathered.connected),
    [`n${size}-cpu`]: cpu,
    [`n${size}-missing`]: size - gathered.connected,
  };
  return { figures, latencies: {}, remarks: [] };
}

const sizesOf = ({ options }: Bench): readonly number[] => options.clients ?? SIZES;

function specsOf(size: number): FigureSpec[] {
  const label = `${size.toLocaleString('en')} clients`;
  const less = { better: 'less', chart: null } as const;
  return [
    { key: `n${size}-mib`, label, unit: 'MiB', better: 'less', chart: 'Memory' },
    { key: `n${size}-kib-each`, label: `${label}, each`, unit: 'KiB', ...less },
    { key: `n${size}-cpu`, label: `${label}, idle`, unit: '% of a core', better: 'less', chart: 'Idle CPU' },
    { key: `n${size}-missing`, label: `${label}, not connected`, unit: 'clients', ...less },
  ];
}
