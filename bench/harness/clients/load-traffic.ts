import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Bench, writeProfile } from '../bench.js';
import type { Host } from '../lab/host.js';
import type { Lab } from '../lab/lab.js';
import type { ServerUnderTest } from '../server-under-test.js';
import { FAR_END } from './far-end.js';
import { LOAD_COMMAND } from './load-crowd.js';

const CLIENTS = 8;

export interface EchoResult {
  readonly sent: number;
  /** There and back again. */
  readonly received: number;
  readonly seconds: number;
  /** CPU seconds of the server for it. */
  readonly serverCpu: number;
}

let serial = 0;

/** Simulated clients send packets of `size` bytes to the echo, as fast as they come back. */
export async function runEcho(
  bench: Bench,
  lab: Lab,
  host: Host,
  server: ServerUnderTest,
  size: number,
): Promise<EchoResult> {
  const json = join(bench.folder, `echo-${++serial}.json`);
  const flags = [
    '--clients',
    CLIENTS,
    '--rate',
    'max',
    '--seconds',
    Math.ceil(bench.options.seconds),
    '--size',
    size,
  ].map(String);
  const traffic = ['--send', 'saturate', '--to', FAR_END, '--json', json];
  const running = host.start('load', [...LOAD_COMMAND, '--config', writeProfile(bench, host), ...flags, ...traffic]);
  await lab.until('the simulated clients are connected', () => {
    if (running.log().includes(`settled: ${CLIENTS} connected`)) return true;
    running.mustRun();
    return false;
  });
  const before = server.cpuSeconds;
  await lab.until('the traffic has ended', () => !running.isRunning, { seconds: bench.options.seconds + 30 });
  const serverCpu = server.cpuSeconds - before;
  const { traffic: result, stayed } = JSON.parse(readFileSync(json, 'utf8')) as {
    traffic: { sent: number; received: number };
    stayed: number;
  };
  return { sent: result.sent, received: result.received, seconds: stayed, serverCpu };
}
