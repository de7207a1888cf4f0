import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, expect } from '@jest/globals';
import { writeClientConfig } from './lab/client.js';
import { useLab } from './lab/lab.js';
import { startServer } from './lab/server.js';

const CLIENTS = 20;
const PPS = 20;
const bench = resolve(__dirname, '../../bench');
const { scenario } = useLab();

/** The first build takes a minute; later ones find nothing to do. */
beforeAll(() => void execFileSync(process.execPath, [join(bench, 'load/build.mjs')], { stdio: 'inherit' }), 600_000);

scenario('the load generator connects a crowd, and counts what its clients send each other', async (lab) => {
  await startServer(lab, { lines: ['duplicate-cn', 'client-to-client'] });
  const json = join(lab.folder, 'load.json');
  const words = [`--config ${writeClientConfig(lab)}`, `--clients ${CLIENTS}`, '--rate 100', '--seconds 2'];
  const traffic = [`--send paced:${PPS}`, '--size 1200', `--json ${json}`];
  const command = [...words, ...traffic].flatMap((text) => text.split(' '));
  const { code, output } = await lab
    .host(2)
    .exec(process.execPath, join(bench, 'dist/harness/programs/run-load.js'), ...command);
  expect(`${code} ${output}`).toMatch(/^0 /);
  const result = JSON.parse(readFileSync(json, 'utf8')) as {
    connected: number;
    lost: object;
    traffic: Record<string, number> & { latency: { p50: number } };
  };
  expect(result).toMatchObject({ connected: CLIENTS, lost: {} });
  expect(result.traffic).toMatchObject({ unsent: 0, corrupted: 0, duplicated: 0 });
  const expected = CLIENTS * PPS * 2;
  expect(result.traffic.sent).toBeGreaterThan(0.1 * expected);
  expect(result.traffic.sent).toBeLessThan(1.2 * expected);
  expect(result.traffic.received).toBeGreaterThan(0.98 * (result.traffic.sent ?? 0));
  expect(result.traffic.latency.p50).toBeGreaterThan(0);
});
