import { type Bench, writeProfile } from '../bench.js';
import type { Host } from '../lab/host.js';
import type { Lab } from '../lab/lab.js';
import type { Running } from '../lab/running.js';
import type { Crowd, CrowdOrder, CrowdSource } from './crowd.js';

const NO_DEVICE = ['--dev', 'null', '--ifconfig-noexec', '--route-noexec', '--verb', '3'];
/** Each stock client is a process of 8 MB that takes 10 to 30 ms of CPU to connect. */
const LIMIT = 200;
/** How long the slowest may take after the last start. */
const PATIENCE_SECONDS = 30;

/** How many connect at the same time when it has to be as fast as can be. */
const AT_ONCE = 8;

/** One openvpn process for each client. */
export const stockCrowd: CrowdSource = {
  label: 'openvpn processes',
  limit: LIMIT,
  easyRate: 5,
  fullRate: 20,
  gather,
};

async function gather(bench: Bench, lab: Lab, host: Host, { clients, rate }: CrowdOrder): Promise<Crowd> {
  const profile = writeProfile(bench, host);
  const begin = performance.now();
  const waiting = new Set<Running>();
  const all: Running[] = [];
  let last = begin;
  const look = (): void => {
    for (const running of waiting) {
      if (!running.log().includes('Initialization Sequence Completed')) continue;
      waiting.delete(running);
      last = performance.now();
    }
  };
  while (all.length < clients) {
    look();
    const due = rate === 'max' ? waiting.size < AT_ONCE : performance.now() >= begin + (all.length * 1000) / rate;
    if (!due) {
      await lab.sleep(0.01);
      continue;
    }
    const running = host.start('crowd', ['openvpn', '--config', profile, ...NO_DEVICE]);
    all.push(running);
    waiting.add(running);
  }
  const end = performance.now() + PATIENCE_SECONDS * 1000;
  while ([...waiting].some((running) => running.isRunning) && performance.now() < end) {
    await lab.sleep(0.01);
    look();
  }
  const seconds = (last - begin) / 1000;
  return {
    connected: clients - waiting.size,
    failed: waiting.size,
    leave: async () => {
      await Promise.all(all.map((running) => running.stop()));
      return { seconds, latency: null };
    },
  };
}
