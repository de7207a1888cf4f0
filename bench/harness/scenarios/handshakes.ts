import { chooseCrowd } from '../clients/choose-crowd.js';
import { treeCpuSeconds } from '../measure/process-tree.js';
import type { Scenario } from '../scenario.js';
import { usualSides } from '../scenario.js';
import { ServerUnderTest } from '../server-under-test.js';

const FIRST_RATE = 5;
/** A rate is kept when at least this share of it is reached. */
const KEPT = 0.85;

export const handshakes: Scenario = {
  name: 'handshakes',
  title: 'Full connects',
  sides: usualSides,
  figures: () => [
    { key: 'per-cpu', label: 'connects per server CPU-second', unit: '1/s', better: 'more', chart: 'Connects' },
    { key: 'rate', label: 'rate where it saturates', unit: '1/s', better: 'more', chart: 'Connects' },
    { key: 'rate-server-cpu', label: 'server CPU at that rate', unit: 'cores', better: 'less', chart: null },
    { key: 'rate-clients-cpu', label: 'CPU of the clients at that rate', unit: 'cores', better: 'less', chart: null },
    { key: 'failed', label: 'failed', unit: 'clients', better: 'less', chart: null },
  ],

  async measure(bench, lab, side) {
    const crowd = chooseCrowd();
    const server = await ServerUnderTest.start(bench, lab, side);
    const host = lab.client(0);
    const all = { connected: 0, failed: 0, cpu: 0 };
    let best = { rate: 0, server: 0, clients: 0 };
    let saturated = false;
    for (let rate = FIRST_RATE; !saturated; rate *= 2) {
      const clients = Math.ceil(rate * bench.options.seconds);
      if (clients > crowd.limit) break;
      const before = { server: server.cpuSeconds, ours: treeCpuSeconds(process.pid) };
      const gathered = await crowd.gather(bench, lab, host, { clients, rate });
      const cpu = server.cpuSeconds - before.server;
      const clientsCpu = treeCpuSeconds(process.pid) - before.ours - cpu;
      await gathered.stop();
      all.connected += gathered.connected;
      all.failed += gathered.failed;
      all.cpu += cpu;
      const reached = gathered.connected / gathered.seconds;
      if (reached > best.rate) {
        best = { rate: reached, server: cpu / gathered.seconds, clients: clientsCpu / gathered.seconds };
      }
      saturated = gathered.failed > 0 || reached < rate * KEPT;
      bench.progress(
        `${rate}/s asked: ${reached.toFixed(1)}/s reached, ${gathered.failed} failed, server ${cpu.toFixed(2)} CPU s`,
      );
    }
    const figures = {
      'per-cpu': all.connected / all.cpu,
      rate: best.rate,
      'rate-server-cpu': best.server,
      'rate-clients-cpu': best.clients,
      failed: all.failed,
    };
    const remarks = [
      `clients: ${crowd.label}`,
      ...(saturated ? [] : [`${side.label}: not saturated by ${crowd.limit} clients, the rate is what was asked for`]),
    ];
    return { figures, latencies: {}, remarks };
  },
};
