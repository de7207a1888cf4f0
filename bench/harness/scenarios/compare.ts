import { chooseCrowd } from '../clients/choose-crowd.js';
import { runTcp, startIperfServer } from '../clients/iperf.js';
import { TunnelClient } from '../clients/tunnel-client.js';
import { figuresOnly, type Scenario, usualSides } from '../scenario.js';
import { ServerUnderTest } from '../server-under-test.js';

const CLIENTS = 100;
const SETTLE_SECONDS = 1;
const crowdSize = (clients: readonly number[] | null): number => clients?.at(-1) ?? CLIENTS;

export const compare: Scenario = {
  name: 'compare',
  title: 'The short comparison: one client, memory and start',
  sides: usualSides,
  figures: ({ options }) => [
    { key: 'up-gbit', label: 'upload', unit: 'Gbit/s', better: 'more', chart: 'Throughput' },
    { key: 'down-gbit', label: 'download', unit: 'Gbit/s', better: 'more', chart: 'Throughput' },
    { key: 'up-cpu', label: 'server, upload', unit: 'CPU s/GB', better: 'less', chart: 'Server CPU per GB' },
    { key: 'down-cpu', label: 'server, download', unit: 'CPU s/GB', better: 'less', chart: 'Server CPU per GB' },
    { key: 'start-ms', label: 'start to listening', unit: 'ms', better: 'less', chart: null },
    { key: 'idle-mib', label: 'memory idle', unit: 'MiB', better: 'less', chart: 'Memory' },
    {
      key: 'loaded-mib',
      label: `memory with ${crowdSize(options.clients)} clients`,
      unit: 'MiB',
      better: 'less',
      chart: 'Memory',
    },
  ],

  async measure(bench, lab, side) {
    const server = await ServerUnderTest.start(bench, lab, side);
    await lab.sleep(SETTLE_SECONDS);
    const figures: Record<string, number> = { 'start-ms': server.startMs, 'idle-mib': server.residentMiB };
    const client = await TunnelClient.connect(bench, lab, 0);
    await startIperfServer(lab);
    for (const direction of ['up', 'down'] as const) {
      const before = server.cpuSeconds;
      const { gbitPerSecond, gigabytes } = await runTcp(client.host, direction, 1, bench.options.seconds);
      figures[`${direction}-gbit`] = gbitPerSecond;
      figures[`${direction}-cpu`] = (server.cpuSeconds - before) / gigabytes;
      bench.progress(
        `${direction}: ${gbitPerSecond.toFixed(3)} Gbit/s, server ${figures[`${direction}-cpu`]?.toFixed(2)} CPU s/GB`,
      );
    }
    await client.stop();
    const crowd = chooseCrowd(bench.options);
    const size = Math.min(crowd.limit, crowdSize(bench.options.clients));
    const gathered = await crowd.gather(bench, lab, lab.client(0), { clients: size, rate: crowd.easyRate });
    if (gathered.failed > 0) throw new Error(`${gathered.failed} of ${size} clients did not connect`);
    figures['loaded-mib'] = server.residentMiB;
    await gathered.leave();
    return figuresOnly(figures);
  },
};
