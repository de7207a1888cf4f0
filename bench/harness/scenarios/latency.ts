import type { Bench } from '../bench.js';
import { type Direction, runTcp, startIperfServer } from '../clients/iperf.js';
import { type ProbeResult, probeLatency } from '../clients/latency-probe.js';
import { TunnelClient } from '../clients/tunnel-client.js';
import { TUNNEL } from '../lab/configs.js';
import type { Lab } from '../lab/lab.js';
import type { FigureSpec } from '../results.js';
import type { Scenario } from '../scenario.js';
import { usualSides } from '../scenario.js';
import { ServerUnderTest } from '../server-under-test.js';
import { percentile } from '../statistics.js';

const PHASES = [
  { key: 'idle', label: 'idle', load: null },
  { key: 'load-up', label: 'another client sends', load: 'up' },
  { key: 'load-down', label: 'another client receives', load: 'down' },
] as const satisfies readonly { key: string; label: string; load: Direction | null }[];

/** Outside the tunnel, for what the tunnel adds. */
const DIRECT = 'no tunnel, idle';

export const latency: Scenario = {
  name: 'latency',
  title: 'Round trips of 50 packets a second',
  sides: usualSides,
  figures: () => [
    ...percentiles('idle', 'idle'),
    { key: 'added-p50', label: 'idle, added by the tunnel, p50', unit: 'us', better: 'less', chart: null },
    { key: 'added-p99', label: 'idle, added by the tunnel, p99', unit: 'us', better: 'less', chart: null },
    ...PHASES.slice(1).flatMap(({ key, label }) => percentiles(key, label)),
  ],

  async measure(bench, lab, side) {
    await ServerUnderTest.start(bench, lab, side);
    const client = await TunnelClient.connect(bench, lab, 0);
    const loader = await TunnelClient.connect(bench, lab, 1);
    await startIperfServer(lab);
    const { seconds } = bench.options;
    const direct = await probeLatency(client.host, client.host.serverAddress, Math.min(seconds, 5));
    const figures: Record<string, number> = {};
    const latencies: Record<string, readonly number[]> = { [DIRECT]: direct.roundTripsUs };
    for (const { key, label, load } of PHASES) {
      const probe = (): Promise<ProbeResult> => probeLatency(client.host, TUNNEL.server, seconds);
      const result = load === null ? await probe() : await underLoad(bench, lab, loader, load, probe);
      latencies[label] = result.roundTripsUs;
      for (const [name, q] of QUANTILES) figures[`${key}-${name}`] = percentile(result.roundTripsUs, q);
      figures[`${key}-loss`] = (1 - result.roundTripsUs.length / result.sent) * 100;
      bench.progress(
        `${label}: p50 ${figures[`${key}-p50`]?.toFixed(0)} us, p99 ${figures[`${key}-p99`]?.toFixed(0)} us`,
      );
    }
    for (const [name, q] of QUANTILES.slice(0, 2)) {
      figures[`added-${name}`] = percentile(latencies.idle ?? [], q) - percentile(direct.roundTripsUs, q);
    }
    return { figures, latencies, remarks: [] };
  },
};

/** How long the load runs before and after the probe. */
const MARGIN_SECONDS = 1;

async function underLoad(
  bench: Bench,
  lab: Lab,
  loader: TunnelClient,
  direction: Direction,
  probe: () => Promise<ProbeResult>,
): Promise<ProbeResult> {
  // The probe waits up to 2 s for its last packets.
  const transfer = runTcp(loader.host, direction, 4, bench.options.seconds + 2 * MARGIN_SECONDS + 2);
  const [result] = await Promise.all([lab.sleep(MARGIN_SECONDS).then(probe), transfer]);
  return result;
}

const QUANTILES = [
  ['p50', 0.5],
  ['p99', 0.99],
  ['p99.9', 0.999],
] as const;

function percentiles(key: string, label: string): FigureSpec[] {
  return [
    ...QUANTILES.map(
      ([name]): FigureSpec => ({
        key: `${key}-${name}`,
        label: `${label}, ${name}`,
        unit: 'us',
        better: 'less',
        chart: null,
      }),
    ),
    { key: `${key}-loss`, label: `${label}, lost`, unit: '%', better: 'less', chart: null },
  ];
}
