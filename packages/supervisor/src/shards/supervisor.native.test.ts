import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { NodeTlsEngine, type ShardStart, type TlsOptions } from '@shardvpn/worker';
import { TestAuthority, type TestCertificate } from '../../../../test/support/pki.js';
import { UdpClient } from '../../../../test/support/udp-client.js';
import type { ServerStatus } from '../admin/server-status.js';
import { loadConfig } from '../config/load-config.js';
import type { Log } from '../log.js';
import type { NativePort } from './native-port.js';
import { type RunningServer, startServer } from './supervisor.js';

// Both come from the build: jest neither transforms a worker's files nor loads the add-on's ES module.
const native = createRequire(__filename)(
  join(process.cwd(), `native/shardvpn.${process.platform}-${process.arch}.node`),
) as NativePort;
const ENTRY = pathToFileURL(join(process.cwd(), 'packages/worker/dist/entry.js'));

const CONFIG = `local 127.0.0.1
dev null
server 10.8.0.0 255.255.255.248
ca ca.crt
cert server.crt
key server.key
crl-verify crl.pem
dh none
workers 2
explicit-exit-notify 1
keepalive 10 60
`;

let folder: string;
let ca: TestAuthority;
let server: RunningServer;
let plane: number;
let workers: Worker[];
let lines: string[];
let clients: { readonly client: UdpClient; readonly socket: Socket }[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'supervisor-native-'));
  ca = await TestAuthority.create();
  const { cert, key } = await ca.issue('server', { usage: 'server' });
  const crl = await ca.revoke();
  for (const [name, text] of Object.entries({
    'ca.crt': ca.cert,
    'server.crt': cert,
    'server.key': key,
    'crl.pem': crl,
  })) {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
  }
  const { config, problems } = loadConfig({ text: CONFIG, name: 'server.conf' }, folder);
  if (config === null) throw new Error(JSON.stringify(problems));
  [workers, lines, clients] = [[], [], []];
  const write = (line: string, fields?: object): void => void lines.push(`${line} ${JSON.stringify(fields)}`);
  const log: Log = { error: write, warn: write, info: write, debug: write };
  const listeners = config.listeners.map((listener) => ({ ...listener, port: 0 }));
  const adminHttp = { host: '127.0.0.1', port: 0, token: null };
  const startWorker = (workerData: ShardStart): Worker => {
    plane = workerData.plane;
    const worker = new Worker(ENTRY, { workerData });
    workers[workerData.server.shard] = worker;
    return worker;
  };
  server = await startServer({ ...config, listeners, adminHttp }, log, { native, startWorker });
});

afterEach(async () => {
  await server.stop();
  for (const { client, socket } of clients) {
    client.close();
    socket.close();
  }
  rmSync(folder, { recursive: true });
});

const connect = async (certificate: TestCertificate): Promise<UdpClient> => {
  const socket = createSocket('udp4');
  socket.connect(server.listening[0]?.port as number, '127.0.0.1');
  await once(socket, 'connect');
  const client = new UdpClient(socket, new NodeTlsEngine(clientTls(certificate)));
  clients.push({ client, socket });
  return client;
};

const clientTls = ({ cert, key }: TestCertificate): TlsOptions => ({
  ca: ca.cert,
  cert,
  key,
  crl: null,
  minVersion: 'TLSv1.2',
  maxVersion: null,
  cipherList: null,
  cipherSuites: null,
  groups: null,
  remoteCertTls: null,
  clientCertificate: 'require',
});

const readStatus = async (): Promise<ServerStatus> =>
  (await (await fetch(`${server.adminUrl}/status`)).json()) as ServerStatus;

const namesNow = async (): Promise<string[]> => (await readStatus()).clients.map(({ name }) => name).sort();

const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  for (const end = performance.now() + 60_000; !(await condition()) && performance.now() < end; )
    await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await condition()).toBe(true);
};

test('clients connect, are told apart, dropped when revoked, refused afterwards, and told at the end', async () => {
  const [alice, mallory] = await Promise.all([ca.issue('alice'), ca.issue('mallory')]);
  const first = await connect(alice);
  expect((await first.event('connected')).options.ifconfig).toEqual({
    address: '10.8.0.2',
    netmask: '255.255.255.248',
  });
  const second = await connect(mallory);
  await second.event('connected');
  await until(async () => (await namesNow()).join() === 'alice,mallory');
  // A worker that is not let run for a second is not heard in one status.
  await until(async () =>
    (await readStatus()).shards.every(({ state, worker }) => `${state} ${worker}` === 'running running'),
  );
  const { shards, clients: listed } = await readStatus();
  expect(shards).toHaveLength(2);
  for (const { peerId, shard } of listed) expect(peerId % 2).toBe(shard);

  writeFileSync(join(folder, 'crl.pem'), await ca.revoke(mallory));
  expect(await second.event('ended')).toBeDefined();
  await until(async () => (await namesNow()).join() === 'alice');
  await connect(mallory);
  await until(() => lines.some((line) => line.includes('client refused') && line.includes('revoked')));

  await server.stop();
  expect(await first.event('ended')).toBeDefined();
});

test('a worker that is lost is followed by one that has its clients, and takes new ones under numbers of their own', async () => {
  const first = await connect(await ca.issue('alice'));
  const { peerId } = await first.event('connected');
  await until(async () => (await namesNow()).join() === 'alice');
  await Promise.all(workers.map((worker) => worker.terminate()));
  await until(() => lines.filter((line) => /worker of shard \d replaced/.test(line)).length === 2);
  expect(await namesNow()).toEqual(['alice']);
  await first.event('renegotiated');
  expect(lines.filter((line) => line.includes('1 clients have been taken over'))).toHaveLength(1);

  for (const name of ['bob', 'carol', 'dave']) {
    const client = await connect(await ca.issue(name));
    expect((await client.event('connected')).peerId).not.toBe(peerId);
  }
  await until(async () => (await namesNow()).join() === 'alice,bob,carol,dave');
  const again = await connect(await ca.issue('alice'));
  await again.event('connected');
  await until(async () => (await readStatus()).clients.filter(({ name }) => name === 'alice').length === 1);
  // The data threads hear of it a moment after the registry.
  const held = () => [0, 1].flatMap((shard) => native.shardCounters(plane, shard).peers.map((peer) => peer.peerId));
  await until(() => !held().includes(peerId));
  expect(held()).toHaveLength(4);
});
