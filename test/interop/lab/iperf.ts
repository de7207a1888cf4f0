import type { Host } from './host.js';
import { until } from './until.js';

/** Of an iperf3 test's `end`. */
export interface IperfEnd {
  readonly sum?: IperfSum;
  readonly sum_received?: IperfSum;
}

interface IperfSum {
  readonly bytes: number;
  readonly bits_per_second: number;
  readonly lost_percent?: number;
}

/** A test with the iperf3 server at `target`. For a while after a test that server says that it is busy. */
export function iperf(host: Host, target: string, words: readonly string[]): Promise<IperfEnd> {
  return until('iperf3 has measured', async () => {
    const { output } = await host.exec('iperf3', '-c', target, '-J', ...words);
    const { end, error } = JSON.parse(output) as { end: IperfEnd; error?: string };
    if (error === undefined) return end;
    if (/busy/.test(error)) return null;
    throw new Error(`iperf3: ${error}`);
  });
}
