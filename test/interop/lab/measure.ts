import { readFileSync } from 'node:fs';
import type { Running } from './host.js';
import type { Lab } from './lab.js';
import { sleep } from './until.js';

/** The share of one core that a process takes during the next `seconds`. */
export async function cpuShare(server: Running, seconds: number): Promise<number> {
  const [before, begin] = [cpuSeconds(server), performance.now()];
  await sleep(seconds * 1000);
  return (cpuSeconds(server) - before) / ((performance.now() - begin) / 1000);
}

/** A counter of the data threads, over all shards, as `/metrics` shows it. */
export async function readCounter(lab: Lab, name: string): Promise<number> {
  const { body } = await lab.serverHost.get('http://127.0.0.1:8505/metrics');
  const values = [...body.matchAll(/^shardvpn_data_total\{shard="\d+",counter="([^"]+)"\} (\d+)$/gm)]
    .filter((line) => line[1] === name)
    .map((line) => Number(line[2]));
  if (values.length === 0) throw new Error(`no counter ${name} in ${body}`);
  return values.reduce((total, value) => total + value, 0);
}

/** How many lines of a process's log match. */
export function linesOf(process_: Running, pattern: RegExp): number {
  return process_
    .log()
    .split('\n')
    .filter((line) => pattern.test(line)).length;
}

/** Fields 14 and 15 of `stat`, in the 100 ticks a second that Linux shows to programs. */
export function cpuSeconds({ pid }: Running): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
