import { readdirSync, readFileSync } from 'node:fs';
import type { Host, Running } from '../lab/host.js';

/** What a server holds of the machine. */
export interface Vitals {
  readonly residentMiB: number;
  /**
   * Mapped for writing, touched or not. Rings and tables of a fixed size, whose pages are touched one after the other as clients
   * come, are in it from the start; what is leaked has to be mapped first.
   */
  readonly writableMiB: number;
  readonly descriptors: number;
  readonly threads: number;
}

export function vitalsOf({ pid }: Running): Vitals {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const value = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  return {
    residentMiB: value('VmRSS') / 1024,
    writableMiB: value('VmData') / 1024,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: value('Threads'),
  };
}

/** Datagrams that the kernel of a host has dropped because somebody did not read fast enough: buffers of sockets, queues of devices. */
export async function kernelDrops(host: Host): Promise<number> {
  const { output } = await host.exec('cat', '/proc/net/snmp', '/proc/net/dev');
  const [names = '', values = ''] = [...output.matchAll(/^Udp: (.*)$/gm)].map((line) => line[1]);
  const buffers = names
    .split(' ')
    .map((name, n) => (/bufErrors$/.test(name) ? Number(values.split(' ')[n]) : 0))
    .reduce((sum, count) => sum + count, 0);
  // Of each device: eight fields of what was received, then eight of what was sent; the fourth is what was dropped.
  const devices = [...output.matchAll(/^ *[\w@]+: *(.*)$/gm)]
    .map((line) => (line[1] ?? '').split(/ +/).map(Number))
    .filter((fields) => fields.length === 16)
    .reduce((sum, fields) => sum + (fields[3] ?? 0) + (fields[11] ?? 0), 0);
  return buffers + devices;
}
