import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { asPeerId, type ClientIdentity, NO_LIMITS } from '@shardvpn/core';
import type { ShardCounters, ShardFds } from '@shardvpn/native';
import type { FromShard, ShardStart, ToShard } from '@shardvpn/worker';
import type { LoadedConfig } from '../config/load-config.js';
import type { ServerConfig } from '../config/server-config.js';
import type { Log } from '../log.js';
import type { NativePort } from './native-port.js';
import type { WorkerPort } from './shard-handle.js';
import { type RunningServer, startServer } from './supervisor.js';

/** A native core that only remembers what it was told. */
class MemoryNative implements NativePort {
  readonly calls: string[] = [];
  readonly shards: ShardFds[] = [];
  state = 'running';
  panics = 0;
  #fd = 100;

  openUdpGroup: NativePort['openUdpGroup'] = ({ host, port, shards }) => {
    this.calls.push(`udp ${host}`);
    return { fds: this.#newFds(shards), port: port || 40_000, receiveBuffer: 0, steering: 'bpf', gro: true, gso: true };
  };
  openTcpGroup: NativePort['openTcpGroup'] = ({ host, port, shards }) => {
    this.calls.push(`tcp ${host}`);
    return { fds: this.#newFds(shards), port: port || 40_000 };
  };
  limitStreams: NativePort['limitStreams'] = () => {};
  trustProxies: NativePort['trustProxies'] = () => {};
  sharePort: NativePort['sharePort'] = () => {};
  unsharePort: NativePort['unsharePort'] = () => {};
  takeForeign: NativePort['takeForeign'] = () => null;
  openListener: NativePort['openListener'] = (_, shard, listener) =>
    void this.calls.push(`listen ${listener} on ${shard}`);
  closeListener: NativePort['closeListener'] = (_, shard, listener) =>
    void this.calls.push(`close ${listener} on ${shard}`);
  openTun: NativePort['openTun'] = ({ name, queues, addresses }) => {
    this.calls.push(`tun ${name} ${addresses.join(' ')}`);
    return { name: `${name}0`, fds: this.#newFds(queues), offloads: [] };
  };
  reopenTun: NativePort['reopenTun'] = () => {};
  steerTun: NativePort['steerTun'] = (plane, fd) => void this.calls.push(`steer ${plane} ${fd}`);
  restoreTun: NativePort['restoreTun'] = () => {};
  addRoute: NativePort['addRoute'] = (device, { destination }) => void this.calls.push(`add ${destination} ${device}`);
  removeRoute: NativePort['removeRoute'] = (device, { destination }) =>
    void this.calls.push(`remove ${destination} ${device}`);
  openLinkWatch: NativePort['openLinkWatch'] = () => 99;
  lookAtLink: NativePort['lookAtLink'] = () => ({ state: 'up', lost: false, mtu: 1500 });
  closeFds: NativePort['closeFds'] = (fds) => void this.calls.push(`close ${fds.join(' ')}`);
  createPlane: NativePort['createPlane'] = () => 77;
  setWays: NativePort['setWays'] = () => {};
  filterFloods: NativePort['filterFloods'] = () => {};
  destroyPlane: NativePort['destroyPlane'] = (plane) => void this.calls.push(`destroy ${plane}`);
  startShard: NativePort['startShard'] = (_, options) => void this.shards.push(options);
  shardCounters: NativePort['shardCounters'] = (_, shard): ShardCounters => ({
    shard,
    state: this.state,
    counters: [],
    drops: [],
    hops: [],
    peers: [{ peerId: shard, bytesIn: 10, bytesOut: 20, packetsIn: 1, packetsOut: 2, idleSeconds: 0 }],
  });
  shardIo: NativePort['shardIo'] = () => [];
  shardState: NativePort['shardState'] = () => this.state;
  shardPanics: NativePort['shardPanics'] = () => ({ count: this.panics, last: 'index out of bounds (x.rs:1)' });
  injectPanic: NativePort['injectPanic'] = () => {};
  parallelism: NativePort['parallelism'] = () => 2;
  probeHost: NativePort['probeHost'] = () => ({
    tun: true,
    udpGro: true,
    udpGso: true,
    reuseportBpf: true,
    ipv6: true,
    cpu: '',
  });

  steeringDescriptors = (): number[] => [];
  notifyService = unheard;
  prepareShard = unheard;
  openHandOver = unheard;
  sendHandOver = unheard;
  receiveHandOver = unheard;
  haltPlane = unheard;
  sendSessions = unheard;
  takeSessions = unheard;
  takeBackPlane = unheard;
  adoptSteering = unheard;

  #newFds = (count: number): number[] => Array.from({ length: count }, () => this.#fd++);
}

const unheard = (): never => {
  throw new Error('there is no other process');
};

/** A worker whose clients the test plays. */
class MemoryWorker implements WorkerPort {
  readonly received: ToShard[] = [];
  #onMessage: (messages: readonly FromShard[]) => void = () => {};
  #onExit: (code: number) => void = () => {};

  on(event: string, listener: (value: never) => void): void {
    if (event === 'message') this.#onMessage = listener as (messages: readonly FromShard[]) => void;
    if (event === 'exit') this.#onExit = listener as (code: number) => void;
  }

  postMessage(message: ToShard): void {
    this.received.push(message);
    if (message.type === 'drops')
      queueMicrotask(() => this.say({ type: 'drops', request: message.request, drops: {}, handshakes: 0 }));
    if (message.type === 'reconfigure')
      queueMicrotask(() => this.say({ type: 'reconfigured', request: message.request, problem: null }));
    if (message.type === 'shutdown') queueMicrotask(() => this.say({ type: 'drained' }));
  }

  async terminate(): Promise<void> {
    this.#onExit(1);
  }

  say(message: FromShard): void {
    this.#onMessage([message]);
  }
}

const NET = { network: '10.8.0.0', netmask: '255.255.255.0', bits: 24, server: '10.8.0.1' };

const configIn = (folder: string): ServerConfig => ({
  source: 'test',
  listeners: [{ family: 4, host: '127.0.0.1', port: 0, optional: false }],
  workers: null,
  device: 'tun',
  tunMtu: 1500,
  mssfix: 1492,
  mssfixOf: 'outer',
  layers: { framing: 'none', compresses: false, allow: 'no', migrate: false, fragment: null },
  ipv4: { ...NET, pool: { first: '10.8.0.2', last: '10.8.0.254' } },
  ipv6: null,
  poolPersist: { file: join(folder, 'ipp.txt'), seconds: 600 },
  routes: [],
  push: [],
  clientToClient: false,
  duplicateCn: false,
  maxClients: 10,
  pingInterval: 10,
  pingTimeout: 120,
  tls: {
    ca: '',
    cert: '',
    key: '',
    crl: null,
    minVersion: 'TLSv1.2',
    maxVersion: null,
    cipherList: null,
    cipherSuites: null,
    groups: null,
    remoteCertTls: null,
    clientCertificate: 'require',
  },
  crlFile: null,
  wrap: { type: 'none' },
  tlsCryptV2: null,
  tlsCryptV2Verify: null,
  tmpDir: '/tmp',
  dataCiphers: ['AES-256-GCM'],
  fallbackCipher: null,
  cipher: 'AES-256-GCM',
  auth: 'SHA1',
  renegSec: 3600,
  handWindow: 60,
  tranWindow: 3600,
  explicitExitNotify: 1,
  connectFreqInitial: { count: 100, seconds: 10 },
  connectFreq: null,
  dataLimits: NO_LIMITS,
  sessionTimeout: 0,
  replayWindow: null,
  tlsTimeout: 2,
  maxPacketSize: 1250,
  socket: { mark: 0, device: null, mtuDiscovery: null },
  multihome: null,
  passtos: false,
  sndbuf: 0,
  rcvbuf: 0,
  tcpQueueLimit: 64,
  portShare: null,
  proxyProtocol: [],
  status: { file: join(folder, 'status.txt'), seconds: 60, version: 2 },
  verb: 3,
  log: null,
  writepid: null,
  user: null,
  group: null,
  adminHttp: { host: '127.0.0.1', port: 0, token: null },
});

/** Of the test: how busy the machine is decides nothing. */
const useOwnClock = (): void => void jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'nextTick', 'setImmediate'] });

const IDENTITY: ClientIdentity = {
  commonName: 'alice',
  username: null,
  certificate: null,
  path: { listener: 0, host: '192.0.2.1', port: 4000 },
  peerInfo: new Map(),
};

describe('server', () => {
  let folder: string;
  let native: MemoryNative;
  let workers: { start: ShardStart; worker: MemoryWorker }[];
  let lines: string[];
  let server: RunningServer | undefined;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'supervisor-'));
    [native, workers, lines, server] = [new MemoryNative(), [], [], undefined];
  });
  afterEach(async () => {
    jest.useRealTimers();
    await server?.stop();
    rmSync(folder, { recursive: true });
  });

  const start = async (
    change: Partial<ServerConfig> = {},
    ready: FromShard | null = { type: 'ready' },
    readAgain?: () => LoadedConfig,
  ): Promise<RunningServer> => {
    const write = (line: string): void => void lines.push(line);
    const log: Log = { error: write, warn: write, info: write, debug: write };
    const startWorker = (options: ShardStart): WorkerPort => {
      const worker = new MemoryWorker();
      workers.push({ start: options, worker });
      queueMicrotask(() => (ready === null ? worker.terminate() : worker.say(ready)));
      return worker;
    };
    return startServer(
      { ...configIn(folder), ...change },
      log,
      { native, startWorker },
      readAgain ? { readAgain } : {},
    );
  };

  const worker = (shard: number): MemoryWorker => (workers[shard] as { worker: MemoryWorker }).worker;

  const connect = async (): Promise<void> => {
    const peerId = asPeerId(1);
    worker(1).say({ type: 'lease', request: 5, identity: IDENTITY, peerId });
    const shown = { cipher: 'AES-256-GCM', tls: 'TLSv1.3', keyDerivation: 'tls-ekm', since: 1000 } as const;
    worker(1).say({ type: 'connected', peerId, ...shown });
  };

  test('says what it opened, one socket and queue a shard, with a ring to and from every other shard', async () => {
    server = await start();
    expect(server).toMatchObject({ listening: [{ host: '127.0.0.1', port: 40_000 }], device: 'tun0', workers: 2 });
    expect(native.calls).toEqual(['udp 127.0.0.1', 'tun tun 10.8.0.1/24', 'steer 77 102']);
    expect(native.shards.map(({ shard, udp, tun }) => ({ shard, udp, tun }))).toEqual([
      { shard: 0, udp: [100], tun: 102 },
      { shard: 1, udp: [101], tun: 103 },
    ]);
    const [first, second] = native.shards;
    expect(first?.hopOut[1]?.buffer).toBe(second?.hopIn[0]?.buffer);
    expect(first?.hopIn[1]?.buffer).toBe(second?.hopOut[0]?.buffer);
    expect([first?.hopIn[0], first?.hopOut[0]]).toEqual([null, null]);
    expect(workers[0]?.start.server.cookieKey).toEqual(workers[1]?.start.server.cookieKey);
  });

  test('a client shows up on the status endpoint with its bytes', async () => {
    server = await start();
    await connect();
    const status = await (await fetch(`${server.adminUrl}/status`)).json();
    expect(status).toMatchObject({
      clients: [{ name: 'alice', ipv4: '10.8.0.2', shard: 1, bytesReceived: 10, bytesSent: 20 }],
    });
  });

  test('stop tells the shards, then frees everything, and writes the files once more', async () => {
    server = await start();
    await connect();
    await Promise.all([server.stop(), server.stop()]);
    expect(workers.map(({ worker: { received } }) => received.some(({ type }) => type === 'shutdown'))).toEqual([
      true,
      true,
    ]);
    expect(native.calls.slice(3)).toEqual(['close 99', 'destroy 77', 'close 102 103', 'close 100 101']);
    expect(readFileSync(join(folder, 'ipp.txt'), 'utf8')).toBe('alice,10.8.0.2\n');
    expect(readFileSync(join(folder, 'status.txt'), 'utf8')).not.toContain('alice');
    await expect(fetch(`${server.adminUrl}/healthz`)).rejects.toThrow();
  });

  test('leases of an earlier run are kept', async () => {
    writeFileSync(join(folder, 'ipp.txt'), 'alice,10.8.0.9\n');
    server = await start();
    await connect();
    const answers = worker(1).received.filter(({ type }) => type === 'lease-decision');
    expect(answers).toMatchObject([{ request: 5, decision: { lease: { ipv4: { address: '10.8.0.9' } } } }]);
  });

  test('a shard that does not start ends the start and everything is freed', async () => {
    await expect(start({}, null)).rejects.toThrow('shard 0');
    expect(native.calls.slice(3)).toEqual(['destroy 77', 'close 102 103', 'close 100 101']);
  });

  test('a status port in use ends the start with one line and everything is freed', async () => {
    const taken = createServer();
    const port = await new Promise<number>((resolve) => {
      taken.listen(0, '127.0.0.1', () => resolve((taken.address() as { port: number }).port));
    });
    const problem = await start({ adminHttp: { host: '127.0.0.1', port, token: null } }).catch((error: Error) => error);
    taken.close();
    expect(problem).toMatchObject({
      code: 'config/cannot-listen',
      message: expect.stringMatching(/^cannot listen on 127.*admin-http.*another program/),
    });
    expect(native.calls).toContain('destroy 77');
  });

  test('a device that cannot be made closes the sockets', async () => {
    native.openTun = () => {
      throw Object.assign(new Error('cannot open /dev/net/tun'), { code: 'ENOENT' });
    };
    await expect(start()).rejects.toMatchObject({
      code: 'config/cannot-open-tun',
      message: expect.stringContaining('modprobe tun'),
    });
    expect(native.calls).toEqual(['udp 127.0.0.1', 'close 100 101']);
  });

  test('without a device and without a status endpoint it serves all the same', async () => {
    server = await start({ device: 'null', adminHttp: null, status: null, poolPersist: null });
    expect(server).toMatchObject({ device: 'null', adminUrl: null });
    expect(native.shards.map(({ tun }) => tun)).toEqual([null, null]);
  });

  test('a reload reaches every shard, the workers to come, and the kernel, and says what needs a restart', async () => {
    const route = (destination: string) => ({ destination, via: null, metric: null });
    const before = { routes: [route('10.1.0.0/16'), route('10.2.0.0/16')] };
    const changed = { push: ['dns'], maxClients: 1, mssfix: 0, routes: [route('10.2.0.0/16'), route('10.3.0.0/16')] };
    server = await start(before, { type: 'ready' }, () => ({
      config: { ...configIn(folder), ...changed },
      problems: [],
    }));
    const answer = await fetch(`${server.adminUrl}/reload`, { method: 'POST' });
    expect(await answer.json()).toEqual({
      result: 'changed',
      changed: ['route/route-ipv6', 'push', 'max-clients'],
      notChanged: [{ directive: 'mssfix', reason: 'the data threads are started with it' }],
      problems: [],
    });
    expect(native.calls.slice(-2)).toEqual(['remove 10.1.0.0/16 tun0', 'add 10.3.0.0/16 tun0']);
    expect(
      workers.map(({ worker: { received } }) => received.filter(({ type }) => type === 'reconfigure')),
    ).toMatchObject([[{ server: { push: ['dns'] }, tls: null }], [{ server: { push: ['dns'] }, tls: null }]]);
    await worker(0).terminate();
    while (workers.length < 3) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(workers[2]?.start.server.push).toEqual(['dns']);
    await connect();
    const other = { ...IDENTITY, commonName: 'bob' };
    worker(1).say({ type: 'lease', request: 6, identity: other, peerId: asPeerId(3) });
    expect(worker(1).received.at(-1)).toMatchObject({
      decision: { type: 'refuse', reason: expect.stringContaining('max-clients') },
    });
    expect(await server.reload()).toMatchObject({
      result: 'unchanged',
      changed: [],
      notChanged: [{ directive: 'mssfix' }],
    });
  });

  test('a reload opens and closes listeners, tells the workers, and leaves them alone where one is refused', async () => {
    const { listeners } = configIn(folder);
    const more = { family: 4, host: '127.0.0.2', port: 443, optional: false } as const;
    const read = [[...listeners, more], listeners, [more]];
    server = await start({}, { type: 'ready' }, () => ({
      config: { ...configIn(folder), listeners: read.shift() ?? listeners },
      problems: [],
    }));
    const running = server;
    expect(await running.reload()).toMatchObject({ changed: ['port/proto/local/bind'], notChanged: [] });
    expect(running.listening).toMatchObject([{ port: 40_000 }, { port: 443 }]);
    expect((await running.status()).server.listening).toHaveLength(2);
    await running.reload();
    expect(running.listening).toMatchObject([{ port: 40_000 }]);
    for (const { worker: one } of workers)
      expect(one.received.filter(({ type }) => type === 'leave-listener')).toEqual([
        { type: 'leave-listener', listener: 1 },
      ]);
    native.openUdpGroup = () => {
      throw Object.assign(new Error('cannot bind'), { code: 'EACCES' });
    };
    expect(await running.reload()).toMatchObject({
      result: 'unchanged',
      changed: [],
      notChanged: [{ directive: 'port/proto/local/bind', reason: expect.stringContaining('below 1024') }],
    });
    expect(running.listening).toMatchObject([{ port: 40_000 }]);
  });

  test('a reload of what has errors, or of what cannot be used, changes nothing', async () => {
    const problem = {
      severity: 'error',
      place: { file: 's.conf', line: 3 },
      directive: 'port',
      message: 'bad; fix it',
    } as const;
    const { tls } = configIn(folder);
    const read = [
      { config: null, problems: [problem] },
      { config: { ...configIn(folder), push: ['dns'], tls: { ...tls, cert: 'nonsense' } }, problems: [] },
    ];
    server = await start({}, { type: 'ready' }, () => read.shift() as LoadedConfig);
    expect(await server.reload()).toMatchObject({ result: 'refused', problems: ['s.conf:3: port: bad; fix it'] });
    expect(await server.reload()).toMatchObject({
      result: 'refused',
      problems: [expect.stringMatching(/^test: .*PEM/i)],
    });
    expect(worker(0).received.map(({ type }) => type)).not.toContain('reconfigure');
  });

  test('restarting the clients ends every one of them', async () => {
    server = await start();
    await connect();
    expect(server.restartClients()).toBe(1);
    expect(worker(1).received.at(-1)).toMatchObject({ type: 'disconnect', peerId: 1, reason: 'restarted' });
    expect((await server.status()).clients).toEqual([]);
  });

  test('a data thread that has failed and goes on is told once', async () => {
    useOwnClock();
    server = await start({ adminHttp: null });
    native.panics = 1;
    native.state = 'restarting';
    await jest.advanceTimersByTimeAsync(5_000);
    const told = lines.filter((line) => line.includes('index out of bounds (x.rs:1)'));
    expect(told).toHaveLength(2);
    expect(told[0]).toContain('data thread of shard 0 failed and starts anew');
    expect(await Promise.race([server.failed, Promise.resolve('serves')])).toBe('serves');
  });

  test('a data thread that is gone is a failure of the server', async () => {
    useOwnClock();
    server = await start({ adminHttp: null });
    native.state = 'panicked';
    await jest.advanceTimersByTimeAsync(5_000);
    expect((await server.failed).message).toContain('panicked');
  });
});
