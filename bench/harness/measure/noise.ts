import { existsSync, readFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { gunzipSync } from 'node:zlib';
import { kernelThreadSeconds, treeCpuSeconds } from './process-tree.js';

/** How much of the machine somebody else had while something was measured. */
export interface Noise {
  /** CPU time of processes that are not ours, as a share of what the machine has (0 to 1). */
  readonly foreign: number;
  /** CPU time that the hypervisor gave to other machines, the same way. */
  readonly steal: number;
}

const FOREIGN_LIMIT = 0.04;
const STEAL_LIMIT = 0.02;

export const isNoisy = ({ foreign, steal }: Noise): boolean => foreign > FOREIGN_LIMIT || steal > STEAL_LIMIT;

/** Starts to watch; the function it returns says what was seen since. */
export function watchNoise(): () => Noise {
  const begin = readMachine();
  return () => noiseBetween(begin, readMachine(), cpus().length);
}

export interface MachineTimes {
  readonly at: number;
  readonly busy: number;
  readonly steal: number;
  readonly ours: number;
  readonly kernelThreads: number;
}

/** Statistical sampling makes the difference of two large times slightly negative at times; that is 0. */
export function noiseBetween(begin: MachineTimes, end: MachineTimes, processors: number): Noise {
  const capacity = Math.max(end.at - begin.at, 0.01) * processors;
  const delta = (key: keyof MachineTimes): number => end[key] - begin[key];
  const foreign = delta('busy') - delta('ours') - delta('kernelThreads');
  return { foreign: Math.max(0, foreign / capacity), steal: Math.max(0, delta('steal') / capacity) };
}

function readMachine(): MachineTimes {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (
    readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? ''
  )
    .split(/\s+/)
    .slice(1)
    .map((ticks) => Number(ticks) / 100);
  const interrupts = interruptsAreCharged() ? irq + softirq : 0;
  return {
    at: performance.now() / 1000,
    busy: user + nice + system + interrupts,
    steal,
    ours: treeCpuSeconds(process.pid),
    kernelThreads: kernelThreadSeconds(),
  };
}

let charged: boolean | null = null;

/** Whether interrupt time is part of the times of the processes it interrupts: a matter of how the kernel was built. */
function interruptsAreCharged(): boolean {
  charged ??= !kernelConfig().includes('CONFIG_IRQ_TIME_ACCOUNTING=y');
  return charged;
}

function kernelConfig(): string {
  const boot = `/boot/config-${release()}`;
  if (existsSync('/proc/config.gz')) return gunzipSync(readFileSync('/proc/config.gz')).toString();
  return existsSync(boot) ? readFileSync(boot, 'utf8') : '';
}
