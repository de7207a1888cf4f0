import type { LoadResult } from './load-result.js';

/** The result for people. */
export const resultTable = (result: LoadResult): string => {
  const { connect, traffic, self } = result;
  const rows: [string, string][] = [
    ['connected', `${count(result.connected)} of ${count(result.clients)}`],
    ...reasons('failed', result.failed),
    ...reasons('lost', result.lost),
    ['connects per second', connect.perSecond.toFixed(1)],
    ['connect latency, ms', values(connect.latency, 1)],
    ['stayed, s', result.stayed.toFixed(1)],
  ];
  if (traffic !== null) {
    rows.push(
      ['packets sent', `${count(traffic.sent)} (${count(traffic.sentPerSecond)}/s)`],
      [
        'packets received',
        `${count(traffic.received)} (${count(traffic.receivedPerSecond)}/s, ${traffic.receivedMbit.toFixed(0)} Mbit/s)`,
      ],
      ['packets lost', `${count(traffic.missing)} (${share(traffic.missing, traffic.sent)})`],
      [
        'reordered, duplicated, corrupted',
        [traffic.reordered, traffic.duplicated, traffic.corrupted].map(count).join(', '),
      ],
      ['latency, us', values(traffic.latency, 0)],
    );
  }
  rows.push([
    'this process',
    `${self.cpuSecondsConnecting.toFixed(1)} s CPU connecting, ${self.cpuSecondsStaying.toFixed(1)} s staying, ${self.residentMiB.toFixed(0)} MiB`,
  ]);
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
};

const reasons = (name: string, counts: Readonly<Record<string, number>>): [string, string][] =>
  Object.entries(counts).map(([reason, n]) => [name, `${count(n)}: ${reason}`]);

const values = (figures: Readonly<Record<string, number>>, digits: number): string =>
  Object.entries(figures)
    .map(([name, value]) => `${name} ${value.toFixed(digits)}`)
    .join(', ');

const count = (value: number): string => Math.round(value).toLocaleString('en');

const share = (part: number, whole: number): string => `${(whole === 0 ? 0 : (100 * part) / whole).toFixed(3)} %`;
