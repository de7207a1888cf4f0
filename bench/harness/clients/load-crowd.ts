import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Bench, writeProfile } from '../bench.js';
import type { Host } from '../lab/host.js';
import type { Lab } from '../lab/lab.js';
import type { Crowd, CrowdEnd, CrowdOrder, CrowdSource } from './crowd.js';

/** The load generator, to be run on a host of the lab. */
export const LOAD_COMMAND = [process.execPath, fileURLToPath(new URL('../programs/run-load.js', import.meta.url))];

/** Longer than any measurement: a crowd stays until it is told to leave. */
const FOR_EVER = '1000000';
const PATIENCE_SECONDS = 600;

/** Simulated clients of the load generator. */
export const loadCrowd: CrowdSource = {
  label: 'simulated by the load generator',
  limit: 20_000,
  easyRate: 50,
  fullRate: 150,
  gather,
};

let serial = 0;

async function gather(bench: Bench, lab: Lab, host: Host, { clients, rate }: CrowdOrder): Promise<Crowd> {
  const json = join(bench.folder, `crowd-${++serial}.json`);
  const flags = ['--clients', clients, '--rate', rate, '--seconds', FOR_EVER].map(String);
  const running = host.start('load', [
    ...LOAD_COMMAND,
    '--config',
    writeProfile(bench, host),
    ...flags,
    '--json',
    json,
  ]);
  const settled = (): RegExpExecArray | null => {
    const found = /settled: (\d+) connected, (\d+) failed/.exec(running.log());
    if (found === null) running.mustRun();
    return found;
  };
  const [, connected, failed] = await lab.until('all clients have connected or failed', settled, {
    seconds: PATIENCE_SECONDS,
    everyMs: 10,
  });
  return {
    connected: Number(connected),
    failed: Number(failed),
    leave: async () => {
      await running.stop(LEAVE_SECONDS);
      const { connect } = JSON.parse(readFileSync(json, 'utf8')) as { connect: CrowdEnd };
      return connect;
    },
  };
}

/** Thousands of exit notices take a while. */
const LEAVE_SECONDS = 30;
