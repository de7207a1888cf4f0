/** The other thread of `Watchdog`. */
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { writeFinding } from './write-finding.mjs';

const LOOK_EVERY = 250;
const { shared, findings, target, limits } = workerData;
const [HEAD, STARTED, LENGTH] = [2, 0, 1];
const state = new Int32Array(shared, 0, HEAD);
let looked = -1;
let usedBefore = 0;

setInterval(() => {
  const started = Atomics.load(state, STARTED);
  const used = cpuSeconds();
  if (started !== looked) [looked, usedBefore] = [started, used];
  if (used - usedBefore > limits.seconds) end(`took more than ${limits.seconds} s of CPU time`);
  const megabytes = process.memoryUsage.rss() / 2 ** 20;
  if (megabytes > limits.megabytes) end(`took ${megabytes.toFixed(0)} MB of memory`);
}, LOOK_EVERY);

function cpuSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** The thread that is stuck can neither say anything nor end the process. */
function end(what) {
  const input = Uint8Array.from(new Uint8Array(shared, 4 * HEAD, Atomics.load(state, LENGTH)));
  writeSync(2, `${writeFinding(findings, target, input)}\nthis input ${what}\n`);
  process.kill(process.pid, 'SIGKILL');
}
