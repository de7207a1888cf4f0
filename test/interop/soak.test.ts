import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, expect } from '@jest/globals';
import type { ChurnResult } from '../../bench/load/churn/churn-result.js';
import { writeClientConfig } from './lab/client.js';
import type { Running } from './lab/host.js';
import { type Lab, useLab } from './lab/lab.js';
import { type ServerSettings, startServer, writeServerConfig } from './lab/server.js';
import { readStatus, type Status } from './lab/status.js';
import { sleep, until } from './lab/until.js';
import { Disturbance } from './soak/disturbance.js';
import { judgeSoak, type SoakReport } from './soak/judge-soak.js';
import { connectRate, type SoakSettings, soakSettings } from './soak/soak-settings.js';
import { kernelDrops, type Vitals, vitalsOf } from './soak/vitals.js';

const bench = resolve(__dirname, '../../bench');
const settings = soakSettings(process.env);
const { ours } = useLab();

beforeAll(() => void execFileSync(process.execPath, [join(bench, 'load/build.mjs')], { stdio: 'inherit' }), 600_000);

ours(
  'clients come, move and go while workers crash and the configuration is read again: nothing is lost, nothing is left',
  async (lab) => {
    const report = await soak(lab);
    console.log(JSON.stringify({ settings, ...report }, null, 2));
    judgeSoak(report);
  },
  settings.rounds * (settings.seconds + 140) + 220,
);

async function soak(lab: Lab): Promise<SoakReport> {
  const variants = [serverSettings('10.60.0.0'), serverSettings('10.50.0.0')].map((each) =>
    writeServerConfig(lab, each),
  );
  const { server, config } = await start(lab);
  for (const address of ADDRESSES) lab.host(2).ip('addr', 'add', `${address}/24`, 'dev', 'net0');
  // The long form begins with a round like the others, because memory grows with the first crowd of every shard.
  await churn(lab, { ...settings, seconds: settings.warmUpSeconds, stay: settings.isLong ? settings.stay : 1000 });
  const rests = [await atRest(lab, server)];
  const dropsBefore = await drops(lab);
  const disturbance = new Disturbance(lab, server, config, variants, settings);
  const results: ChurnResult[] = [];
  try {
    for (let round = 0; round < settings.rounds; round++) {
      results.push(await churn(lab, { ...settings, seed: settings.seed + round }));
      rests.push(await atRest(lab, server));
    }
  } finally {
    await disturbance.end();
  }
  rests.push(await atRest(lab, server));
  const status = await readStatus(lab);
  return {
    ...{ results, rests, reloads: disturbance.reloads, crashes: disturbance.crashes },
    lostInKernel: (await drops(lab)) - dropsBefore,
    workerRestarts: sumsOf(status, 'workerRestarts'),
    drops: sumsOf(status, 'drops'),
    controlDrops: sumsOf(status, 'controlDrops'),
    counters: sumsOf(status, 'counters'),
    complaints: complaintsOf(server),
  };
}

const ADDRESSES = ['192.0.2.101', '192.0.2.102', '192.0.2.103'];
const ECHO = '10.8.0.1:7000';

const serverSettings = (pushed: string): ServerSettings => ({
  lines: [
    `workers ${settings.shards}`,
    'server 10.8.0.0 255.255.0.0',
    'client-to-client',
    'duplicate-cn',
    'max-clients 4000',
    'connect-freq-initial 100000 1',
    // Silent clients are gone after 8 s.
    'keepalive 1 4',
    `reneg-sec ${settings.renegotiateEvery}`,
    `push "route ${pushed} 255.255.255.0"`,
  ],
  faults: true,
});

async function start(lab: Lab): Promise<{ server: Running; config: string }> {
  const config = join(lab.folder, 'soak.conf');
  copyFileSync(writeServerConfig(lab, serverSettings('10.50.0.0')), config);
  const server = await startServer(lab, { ...serverSettings('10.50.0.0'), config });
  const echo = ['echo', '--listen', ECHO];
  const far = lab.serverHost.start('echo', [
    process.execPath,
    join(bench, 'dist/harness/programs/run-load.js'),
    ...echo,
  ]);
  await far.says(/echo on/);
  return { server, config };
}

/** A busy machine may keep a server from saying anything for as long as it has pushed. */
const PATIENT = [
  'hand-window 15',
  'connect-timeout 15',
  'reneg-sec 0',
  'pull-filter ignore "ping-restart"',
  'ping-restart 30',
];

let runs = 0;

async function churn(lab: Lab, life: SoakSettings): Promise<ChurnResult> {
  const json = join(lab.folder, `churn-${++runs}.json`);
  const profile = writeClientConfig(lab, { lines: PATIENT });
  const hosts = [lab.host(2).ipv4, ...ADDRESSES].join();
  const options = { config: profile, to: ECHO, json, rate: connectRate(), hosts };
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  for (const name of ['clients', 'seconds', 'seed', 'pps', 'stay', 'away', 'float'] as const)
    words.push(`--${name}`, String(life[name]));
  const command = [process.execPath, join(bench, 'dist/harness/programs/run-churn.js'), ...words];
  const running = lab.host(2).start(`churn-${runs}`, command);
  expect({ words, code: await running.ended }).toEqual({ words, code: 0 });
  return JSON.parse(readFileSync(json, 'utf8')) as ChurnResult;
}

/** Milliseconds until V8 has collected what an idle worker has left. */
const COLLECTED_AFTER = 20_000;

/** Once every lease is back, and every worker. */
async function atRest(lab: Lab, server: Running): Promise<Vitals> {
  const isEmpty = ({ clients, shards }: Status): boolean =>
    clients.length === 0 && shards.every((shard) => shard.clients === 0 && shard.worker === 'running');
  await until('all leases are back', async () => isEmpty(await readStatus(lab)), { seconds: 60, every: 500 });
  if (settings.isLong) await sleep(COLLECTED_AFTER);
  return vitalsOf(server);
}

const drops = async (lab: Lab): Promise<number> =>
  (await kernelDrops(lab.serverHost)) + (await kernelDrops(lab.host(2)));

function sumsOf(
  { shards }: Status,
  key: 'workerRestarts' | 'drops' | 'controlDrops' | 'counters',
): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const shard of shards)
    for (const [name, count] of Object.entries(shard[key])) if (count > 0) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}

/** Warnings and errors of the log, without their times and numbers. */
function complaintsOf(server: Running): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [, text = ''] of server.log().matchAll(/^\S+ \S+ ((?:warning|error): .*)$/gm)) {
    const kind = text.replace(/\d+(\.\d+)*/g, 'N');
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}
