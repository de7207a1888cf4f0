import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeAll, expect } from '@jest/globals';
import { writeClientConfig } from './lab/client.js';
import { useLab } from './lab/lab.js';
import { readStatus } from './lab/status.js';
import { sleep, until } from './lab/until.js';
import { endHeirs, startUpgradable, upgrade } from './lab/upgrade.js';

/** More with `UPGRADE_CROWD=1000`, which also tells what was measured. */
const CLIENTS = Number(process.env.UPGRADE_CROWD ?? 150);
/** Packets a second of each client. */
const PPS = 10;
const SECONDS = 20;
const bench = resolve(__dirname, '../../bench');
const { ours } = useLab();
afterEach(endHeirs);

/** The first build takes a minute; later ones find nothing to do. */
beforeAll(() => void execFileSync(process.execPath, [join(bench, 'load/build.mjs')], { stdio: 'inherit' }), 600_000);

ours(
  'a crowd whose clients send each other packets is handed over whole',
  async (lab) => {
    const { config } = await startUpgradable(lab, {
      lines: [
        'duplicate-cn',
        'client-to-client',
        'server 10.8.0.0 255.255.0.0',
        `max-clients ${2 * CLIENTS}`,
        'verb 3',
      ],
    });
    const json = join(lab.folder, 'load.json');
    const words = [`--config ${writeClientConfig(lab)}`, `--clients ${CLIENTS}`, '--rate max', `--seconds ${SECONDS}`];
    const traffic = [`--send paced:${PPS}`, '--size 200', `--json ${json}`];
    const command = [...words, ...traffic].flatMap((text) => text.split(' '));
    const load = lab.host(2).exec(process.execPath, join(bench, 'dist/harness/programs/run-load.js'), ...command);
    const everybody = async () => (await readStatus(lab)).clients.length === CLIENTS;
    await until('all are connected', everybody, { seconds: 120, every: 300 });
    await sleep(1500);
    const { sessions, pause } = await upgrade(lab, config);
    expect(sessions).toBe(CLIENTS);
    expect((await readStatus(lab)).clients).toHaveLength(CLIENTS);
    const { code, output } = await load;
    expect(`${code} ${output}`).toMatch(/^0 /);
    const result = JSON.parse(readFileSync(json, 'utf8')) as {
      connected: number;
      lost: object;
      traffic: {
        sent: number;
        missing: number;
        corrupted: number;
        duplicated: number;
        latency: { p50: number; max: number };
      };
    };
    if (process.env.UPGRADE_CROWD) console.log({ sessions, pause, ...result.traffic });
    expect(result).toMatchObject({ connected: CLIENTS, lost: {}, traffic: { corrupted: 0, duplicated: 0 } });
    expect(result.traffic.missing).toBeLessThanOrEqual(CLIENTS + (pause / 1000) * CLIENTS * PPS);
  },
  400,
);
