import type { Bench } from '../bench.js';
import { chooseCrowd } from '../clients/choose-crowd.js';
import type { CrowdEnd, CrowdOrder } from '../clients/crowd.js';
import type { Lab } from '../lab/lab.js';
import { treeCpuSeconds } from '../measure/process-tree.js';
import type { Measurement } from '../results.js';
import { type Scenario, usualSides } from '../scenario.js';
import { ServerUnderTest } from '../server-under-test.js';

export const handshakes: Scenario = {
  name: 'handshakes',
  title: 'Full connects',
  sides: usualSides,
  figures: () => [
    { key: 'easy-per-cpu', label: 'per server CPU-second, paced', unit: 'connects', better: 'more', chart: 'Connects' },
    {
      key: 'full-per-cpu',
      label: 'per server CPU-second, saturated',
      unit: 'connects',
      better: 'more',
      chart: 'Connects',
    },
    { key: 'full-rate', label: 'per second, saturated', unit: 'connects', better: 'more', chart: 'Connects' },
    { key: 'full-server', label: 'server, saturated', unit: 'CPUs', better: 'less', chart: null },
    { key: 'full-clients', label: 'clients, saturated', unit: 'CPUs', better: 'less', chart: null },
    { key: 'easy-p50', label: 'time to connect, paced, p50', unit: 'ms', better: 'less', chart: null },
    { key: 'full-p99', label: 'time to connect, saturated, p99', unit: 'ms', better: 'less', chart: null },
    { key: 'failed', label: 'failed', unit: 'clients', better: 'less', chart: null },
  ],

  async measure(bench, lab, side): Promise<Measurement> {
    const crowd = chooseCrowd(bench.options);
    const server = await ServerUnderTest.start(bench, lab, side);
    await server.settle();
    const clients = (rate: number): number =>
      Math.max(1, Math.min(crowd.limit, Math.round(rate * bench.options.seconds)));
    const easy = await connectAll(bench, lab, server, { clients: clients(crowd.easyRate), rate: crowd.easyRate });
    const full = await connectAll(bench, lab, server, { clients: clients(crowd.fullRate), rate: 'max' });
    const figures = {
      'easy-per-cpu': easy.connected / easy.serverCpu,
      'full-per-cpu': full.connected / full.serverCpu,
      'full-rate': full.connected / full.end.seconds,
      'full-server': full.serverCpu / full.end.seconds,
      'full-clients': full.clientsCpu / full.end.seconds,
      ...(easy.end.latency && { 'easy-p50': easy.end.latency.p50 }),
      ...(full.end.latency && { 'full-p99': full.end.latency.p99 }),
      failed: easy.failed + full.failed,
    };
    return { figures, latencies: {}, remarks: [`clients: ${crowd.label}, on the same CPUs as the server`] };
  },
};

interface Connected {
  readonly connected: number;
  readonly failed: number;
  readonly serverCpu: number;
  readonly clientsCpu: number;
  readonly end: CrowdEnd;
}

async function connectAll(bench: Bench, lab: Lab, server: ServerUnderTest, order: CrowdOrder): Promise<Connected> {
  const before = { server: server.cpuSeconds, all: treeCpuSeconds(process.pid) };
  const crowd = await chooseCrowd(bench.options).gather(bench, lab, lab.client(0), order);
  const serverCpu = server.cpuSeconds - before.server;
  const clientsCpu = treeCpuSeconds(process.pid) - before.all - serverCpu;
  const end = await crowd.leave();
  const { connected, failed } = crowd;
  const asked = order.rate === 'max' ? 'as fast as can be' : `${order.rate}/s`;
  const rate = (connected / end.seconds).toFixed(1);
  bench.progress(
    `${asked}: ${connected} connected (${rate}/s), ${failed} failed, server ${serverCpu.toFixed(2)} CPU s`,
  );
  return { connected, failed, serverCpu, clientsCpu, end };
}
