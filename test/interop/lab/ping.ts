import type { Host, Running } from './host.js';
import { until } from './until.js';

export interface Pings {
  readonly sent: number;
  readonly received: number;
}

/**
 * The first `-c` of the echo requests that `args` describe, and how many of them were answered. With `-c` a `ping` does not wait for the
 * last answer any longer than it has waited for others, whatever `-W` says; so this one goes on, and an answer counts as lost once
 * requests of two seconds later have been answered.
 */
export async function pingAll(host: Host, target: string, args: readonly string[]): Promise<Pings> {
  const { count, every, others } = readWords(args);
  const running = host.start('ping', ['ping', '-n', ...others, target]);
  const last = count + Math.max(20, Math.ceil(2 / every));
  const wanted = (): boolean => {
    const answered = answersIn(running);
    return withinCount(answered, count) === count || Math.max(0, ...answered) >= last || !running.isRunning;
  };
  await until('the pings', wanted, { seconds: count * every + PATIENCE, every: 100 }).catch(() => undefined);
  const { sent, answered } = await interrupt(running);
  return { sent: Math.min(count, sent), received: withinCount(answered, count) };
}

/** Echo requests until `end`. */
export class PingStream {
  private constructor(private readonly running: Running) {}

  /** `every`: seconds. */
  static start(host: Host, target: string, every: number): PingStream {
    return new PingStream(host.start('pings', ['ping', '-n', '-i', String(every), target]));
  }

  /** Once one more has been answered: the numbers of all that were not, up to the last one that was, and how many were. */
  async end(): Promise<{ readonly lost: readonly number[]; readonly received: number }> {
    const before = answersIn(this.running).size;
    await until('another ping is answered', () => answersIn(this.running).size > before, { seconds: PATIENCE });
    const { answered } = await interrupt(this.running);
    const numbers = Array.from({ length: Math.max(...answered) }, (_, at) => at + 1);
    return { lost: numbers.filter((number) => !answered.has(number)), received: answered.size };
  }
}

/** Whether one of three echo requests is answered within `wait` seconds. */
export async function reaches(host: Host, target: string, size = 56, wait = PATIENCE): Promise<boolean> {
  const words = ['-c', '3', '-i', '0.2', '-W', String(wait), '-M', 'do', '-s', String(size)];
  const { output } = await host.exec('ping', '-n', ...words, target);
  return /[1-9]\d* received/.test(output);
}

/** Seconds for what a machine does that has other things to do. */
const PATIENCE = 60;

function readWords(args: readonly string[]): { count: number; every: number; others: readonly string[] } {
  const value = (flag: string): number => Number(args[args.indexOf(flag) + 1]);
  const others = args.filter(
    (word, at) => word !== '-q' && ![word, args[at - 1]].some((one) => one === '-c' || one === '-W'),
  );
  return { count: value('-c'), every: args.includes('-i') ? value('-i') : 1, others };
}

/** Numbers of the echo requests that were answered. */
const answersIn = (running: Running): Set<number> =>
  new Set([...running.log().matchAll(/icmp_seq=(\d+) ttl/g)].map(([, number]) => Number(number)));

const withinCount = (numbers: ReadonlySet<number>, count: number): number =>
  [...numbers].filter((number) => number <= count).length;

async function interrupt(running: Running): Promise<{ sent: number; answered: ReadonlySet<number> }> {
  running.signal('SIGINT');
  await running.ended;
  const sent = Number(/(\d+) packets transmitted/.exec(running.log())?.[1] ?? 0);
  return { sent, answered: answersIn(running) };
}
