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
import { until } from './lab/until.js';
import { judgeSoak, type SoakReport } from './soak/judge-soak.js';
import { Disturbance } from './soak/disturbance.js';
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
  settings.seconds + 240,
);

async function soak(lab: Lab): Promise<SoakReport> {
  const variants = [serverSettings('10.60.0.0'), serverSettings('10.50.0.0')].map((each) =>
    writeServerConfig(lab, each),
  );
  const { server, config } = await start(lab);
  for (const address of ADDRESSES) lab.host(2).ip('addr', 'add', `${address}/24`, 'dev', 'net0');
  await churn(lab, { ...settings, seconds: settings.warmUpSeconds }, settings.isLong ? [] : ['--stay', '1000']);
  const before = await atRest(lab, server);
  const dropsBefore = await drops(lab);
  const disturbance = new Disturbance(lab, server, config, variants, settings);
  const result = await churn(lab, settings, []).finally(() => disturbance.end());
  const after = await atRest(lab, server);
  const status = await readStatus(lab);
  return {
    ...{ result, before, after, reloads: disturbance.reloads, crashes: disturbance.crashes },
    lostInKernel: (await drops(lab)) - dropsBefore,
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
    'keepalive 2 6',
    // Long enough for a lost packet of a renegotiation to be sent again before its key is used.
    `reneg-sec ${settings.isLong ? 40 : 13}`,
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

let runs = 0;

async function churn(
  lab: Lab,
  { seed, clients, seconds }: SoakSettings,
  more: readonly string[],
): Promise<ChurnResult> {
  const json = join(lab.folder, `churn-${++runs}.json`);
  const profile = writeClientConfig(lab, {
    lines: ['hand-window 10', 'connect-timeout 10', 'reneg-sec 0'],
  });
  const words = [
    `--config ${profile} --to ${ECHO} --json ${json} --clients ${clients} --seconds ${seconds} --seed ${seed}`,
  ];
  words.push(`--rate ${connectRate()} --hosts ${[lab.host(2).ipv4, ...ADDRESSES].join()}`);
  const command = [join(bench, 'dist/harness/programs/run-churn.js'), ...words.join(' ').split(' '), ...more];
  const running = lab.host(2).start(`churn-${runs}`, [process.execPath, ...command]);
  expect(`${await running.ended}`).toBe('0');
  return JSON.parse(readFileSync(json, 'utf8')) as ChurnResult;
}

/** Once every lease is back. */
async function atRest(lab: Lab, server: Running): Promise<Vitals> {
  const isEmpty = ({ clients, shards }: Status): boolean =>
    clients.length === 0 && shards.every((shard) => shard.clients === 0);
  await until('all leases are back', async () => isEmpty(await readStatus(lab)), { seconds: 60, every: 500 });
  return vitalsOf(server);
}

const drops = async (lab: Lab): Promise<number> =>
  (await kernelDrops(lab.serverHost)) + (await kernelDrops(lab.host(2)));

function sumsOf({ shards }: Status, key: 'drops' | 'controlDrops' | 'counters'): Record<string, number> {
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
