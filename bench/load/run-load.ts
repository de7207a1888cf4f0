import { lookup } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ClientProfile, clientOptions, loadProfile, problemText } from 'shardvpn';
import { Crowd } from './crowd.js';
import { type LoadNative, loadNative } from './load-native.js';
import { type LoadOptions, UsageError } from './load-options.js';
import { countBy, LATENCIES, type LoadResult, percentile, type TrafficResult, trafficResult } from './load-result.js';
import { planTraffic } from './plan-traffic.js';
import type { Pace, ThreadStart } from './thread-messages.js';

/** Connects the clients, lets them do their work, and says what has become of it. An abort ends the work early. */
export const runLoad = async (
  options: LoadOptions,
  abort: AbortSignal,
  say: (text: string) => void,
): Promise<LoadResult> => {
  const native = loadNative();
  const crowd = new Crowd(planThreads(options, await readServer(options.config)));
  const run = work(native, crowd, options, abort, say);
  return await Promise.race([run, crowd.fault]);
};

const work = async (
  native: LoadNative,
  crowd: Crowd,
  options: LoadOptions,
  abort: AbortSignal,
  say: (text: string) => void,
): Promise<LoadResult> => {
  await crowd.open();
  const [begin, cpuAtBegin] = [performance.timeOrigin + performance.now(), cpuSeconds()];
  crowd.start();
  await connected(crowd, options.clients, abort, say);
  const cpuConnected = cpuSeconds();
  say(`settled: ${crowd.connected.length} connected, ${crowd.failed.length} failed`);
  const traffic = startTraffic(native, crowd, options, say);
  const stayBegin = performance.now();
  await stay(native, crowd, options.seconds, traffic, abort, say);
  const stayed = (performance.now() - stayBegin) / 1000;
  const cpuStayed = cpuSeconds();
  const residentMiB = process.memoryUsage.rss() / 2 ** 20;
  const sent = traffic ? await stopTraffic(native, stayed) : null;
  const counters = Object.fromEntries(native.loadCounters().map(({ name, value }) => [name, value]));
  await crowd.leave();
  const seconds = Math.max(...crowd.connected.map(({ at }) => at - begin), 1) / 1000;
  const latencies = crowd.connected.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  return {
    clients: options.clients,
    connected: crowd.connected.length,
    failed: countBy(crowd.failed),
    lost: countBy(crowd.lost),
    connect: {
      seconds,
      perSecond: crowd.connected.length / seconds,
      latency: {
        p50: percentile(latencies, 0.5),
        p90: percentile(latencies, 0.9),
        p99: percentile(latencies, 0.99),
        max: latencies.at(-1) ?? 0,
      },
    },
    stayed,
    traffic: sent,
    self: {
      cpuSecondsConnecting: cpuConnected - cpuAtBegin,
      cpuSecondsStaying: cpuStayed - cpuConnected,
      residentMiB,
    },
    counters,
  };
};

/** For packets that are still under way when sending stops. */
const DRAIN_MS = 500;
const LOOK_MS = 100;
const PROGRESS_MS = 1000;

/** Where the profile's clients connect to. */
export interface Server {
  readonly profile: ClientProfile;
  readonly host: string;
  readonly port: number;
}

export const readServer = async (config: string): Promise<Server> => {
  const { profile, problems } = loadProfile({ arguments: ['--config', config] });
  const [remote] = profile?.remotes ?? [];
  if (profile === null || remote === undefined) {
    throw new UsageError(problems.map(problemText).join('\n') || `${config} names no server`);
  }
  const { address } = await lookup(remote.host, { family: remote.family ?? 0 });
  return { profile, host: address, port: remote.port };
};

const planThreads = ({ clients, threads, pace }: LoadOptions, server: Server): ThreadStart[] => {
  const { profile, host, port } = server;
  return Array.from({ length: threads }, (_, n) => ({
    client: clientOptions(profile, { host, port }),
    tls: profile.tls,
    clients: Math.floor((clients + n) / threads),
    pace: shareOf(pace, threads),
  }));
};

const shareOf = (pace: Pace, threads: number): Pace =>
  pace.type === 'rate'
    ? { type: 'rate', perSecond: pace.perSecond / threads }
    : { type: 'width', handshakes: Math.ceil(pace.handshakes / threads) };

/** Until every client is connected or has failed. */
const connected = async (
  crowd: Crowd,
  clients: number,
  abort: AbortSignal,
  say: (text: string) => void,
): Promise<void> => {
  const tell = everySecond(say);
  let before = 0;
  while (crowd.connected.length + crowd.failed.length < clients && !abort.aborted) {
    await sleep(LOOK_MS);
    tell((seconds) => {
      const { started, failed } = crowd;
      const now = crowd.connected.length;
      const rate = ((now - before) / seconds).toFixed(0);
      before = now;
      return `${now} of ${clients} connected (${rate}/s), ${started - now - failed.length} connecting, ${failed.length} failed`;
    });
  }
};

/** Whether there is any traffic. */
const startTraffic = (native: LoadNative, crowd: Crowd, options: LoadOptions, say: (text: string) => void): boolean => {
  const plan = planTraffic(options, crowd.connected);
  if (plan !== null) native.startTraffic(plan);
  else if (options.send.type !== 'none') say('nothing is sent: too few clients are connected');
  return plan !== null;
};

const stay = async (
  native: LoadNative,
  crowd: Crowd,
  seconds: number,
  traffic: boolean,
  abort: AbortSignal,
  say: (text: string) => void,
): Promise<void> => {
  const end = performance.now() + 1000 * seconds;
  const tell = everySecond(say);
  let before = 0;
  for (let left = end - performance.now(); left > 0 && !abort.aborted; left = end - performance.now()) {
    await sleep(Math.min(left, LOOK_MS));
    tell((elapsed) => {
      const alive = crowd.connected.length - crowd.lost.length;
      if (!traffic) return `${alive} clients are connected`;
      const { received, sent } = native.trafficTally([]);
      const rate = ((received - before) / elapsed).toFixed(0);
      before = received;
      return `${alive} clients, ${rate} packets/s received, ${sent - received} lost or under way`;
    });
  }
};

const stopTraffic = async (native: LoadNative, seconds: number): Promise<TrafficResult> => {
  native.stopTraffic();
  await sleep(DRAIN_MS);
  return trafficResult(native.trafficTally(Object.values(LATENCIES)), seconds);
};

/** Says something at most once a second; the function is told how many seconds have passed since. */
const everySecond = (say: (text: string) => void): ((text: (seconds: number) => string) => void) => {
  let last = performance.now();
  return (text) => {
    const now = performance.now();
    if (now - last < PROGRESS_MS) return;
    say(text((now - last) / 1000));
    last = now;
  };
};

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
