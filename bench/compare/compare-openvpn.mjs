#!/usr/bin/env node
/**
 * Our server and Debian's openvpn server, alternately, under the same stock client: throughput, server CPU per GB,
 * memory and start time. Usage: npm run bench:compare -- [--runs 3] [--seconds 5] [--clients 100] [--json FILE]
 */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cpuSeconds, Lab, machineBusySeconds, readLog, residentMiB, until } from './lab.mjs';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    clients: { type: 'string', default: '100' },
    json: { type: 'string' },
  },
});
const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const SERVERS = {
  openvpn: { command: 'openvpn', args: [] },
  shardvpn: { command: process.execPath, args: [join(root, 'packages/supervisor/bin/shardvpn.mjs')] },
};

const lab = new Lab();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => lab.close().finally(() => process.exit(130)));
try {
  lab.open();
  const results = { openvpn: [], shardvpn: [] };
  for (let run = 1; run <= Number(values.runs); run++) {
    for (const name of Object.keys(SERVERS)) {
      results[name].push(await measure(name, run));
    }
  }
  report(results);
} finally {
  await lab.close();
}

async function measure(name, run) {
  const { command, args } = SERVERS[name];
  const begin = Date.now();
  const server = lab.start(lab.server, `${name}-${run}`, command, [...args, '--config', lab.writeServerConfig()]);
  await until(`${name} listens`, () => isListening() || failed(server), 15, 5);
  const startMs = Date.now() - begin;
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const result = { startMs, idleMiB: residentMiB(server.pid) };
  const sink = lab.start(lab.server, `iperf-${name}-${run}`, 'iperf3', ['-s']);
  const client = lab.start(lab.client, `client-${name}-${run}`, 'openvpn', ['--config', lab.writeClientConfig()]);
  await until('client connects', () => readLog(client).includes('Initialization Sequence Completed') || failed(client));
  for (const [direction, flags] of [
    ['up', []],
    ['down', ['-R']],
  ]) {
    Object.assign(result, await transfer(server, direction, flags));
    process.stderr.write(
      `${name} run ${run} ${direction}: ${result[`${direction}Gbit`].toFixed(3)} Gbit/s, ${result[`${direction}CpuPerGB`].toFixed(2)} CPU s/GB\n`,
    );
  }
  await lab.stop(client);
  if (run === 1) result.loadedMiB = await memoryWithClients(server, Number(values.clients));
  await lab.stop(sink);
  await lab.stop(server);
  return result;
}

async function transfer(server, direction, flags) {
  const machine = machineBusySeconds();
  const before = cpuSeconds(server.pid);
  const output = lab.exec(lab.client, 'iperf3', [
    '-c',
    '10.66.0.1',
    '-J',
    '-C',
    'cubic',
    '-t',
    values.seconds,
    ...flags,
  ]);
  const cpu = cpuSeconds(server.pid) - before;
  const after = machineBusySeconds();
  const received = JSON.parse(output).end.sum_received;
  return {
    [`${direction}Gbit`]: received.bits_per_second / 1e9,
    [`${direction}CpuPerGB`]: cpu / (received.bytes / 1e9),
    [`${direction}Steal`]: after.steal - machine.steal,
  };
}

async function memoryWithClients(server, count) {
  const config = lab.writeClientConfig();
  const clients = [];
  for (let i = 0; i < count; i++) {
    clients.push(
      lab.start(lab.client, `many-${i}`, 'openvpn', [
        '--config',
        config,
        '--dev',
        'null',
        '--ifconfig-noexec',
        '--route-noexec',
      ]),
    );
    if (i % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 1200));
  }
  await until(
    'all clients connect',
    () => clients.every((c) => readLog(c).includes('Initialization Sequence Completed')),
    60,
    200,
  );
  const memory = residentMiB(server.pid);
  await Promise.all(clients.map((c) => lab.stop(c)));
  return memory;
}

function isListening() {
  return lab.exec(lab.server, 'cat', ['/proc/net/udp']).includes(':04AA ');
}

function failed(child) {
  if (child.exitCode === null) return false;
  throw new Error(
    `${child.spawnargs.slice(6, 9).join(' ')} ended with ${child.exitCode}:\n${readLog(child).slice(-2000)}`,
  );
}

function report(results) {
  const rows = [
    ['upload, Gbit/s', 'upGbit'],
    ['download, Gbit/s', 'downGbit'],
    ['server CPU s/GB, upload', 'upCpuPerGB'],
    ['server CPU s/GB, download', 'downCpuPerGB'],
    ['start to listening, ms', 'startMs'],
    ['memory idle, MiB', 'idleMiB'],
    [`memory with ${values.clients} clients, MiB`, 'loadedMiB'],
  ];
  const table = rows.map(([label, key]) => {
    const [theirs, ours] = ['openvpn', 'shardvpn'].map((name) =>
      median(results[name].map((r) => r[key]).filter((v) => v !== undefined)),
    );
    return { figure: label, openvpn: round(theirs), shardvpn: round(ours), ratio: round(ours / theirs) };
  });
  console.log(`medians of ${values.runs} alternating runs, one stock client, AES-256-GCM`);
  console.table(table);
  if (values.json) writeFileSync(values.json, JSON.stringify({ table, results }, null, 2));
}

function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.floor(sorted.length / 2)] : Number.NaN;
}

function round(n) {
  return Number(n.toPrecision(3));
}
