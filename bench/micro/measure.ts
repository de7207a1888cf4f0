import { Bench } from 'tinybench';
import type { MicroCase, MicroResult } from './micro-case.js';

const NANOSECONDS = 1e6;

/** One after the other, half a second each. */
export async function measure(cases: readonly MicroCase[]): Promise<MicroResult[]> {
  const results: MicroResult[] = [];
  for (const each of cases) {
    await each.open?.();
    try {
      results.push(await measureOne(each));
    } finally {
      await each.close?.();
    }
  }
  return results;
}

async function measureOne({ name, operations, waits = false, run }: MicroCase): Promise<MicroResult> {
  const bench = new Bench({ time: 500, warmupTime: 200, throws: true }).add(name, run, { async: waits });
  await bench.run();
  const result = bench.getTask(name)?.result;
  if (result === undefined || !('latency' in result)) throw new Error(`${name} was not measured`);
  const each = (milliseconds: number): number => (milliseconds * NANOSECONDS) / operations;
  return { name, typical: each(result.latency.p50), high: each(result.latency.p99) };
}
