import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { AuthDecision, Lease, LeaseDecision, Path } from '@shardvpn/core';
import type * as Native from '@shardvpn/native';
import { createRing, RingConsumer, RingProducer } from '@shardvpn/ring';
import { TestAuthority, type TestCertificate } from '../../../test/support/pki.js';
import { UdpClient } from '../../../test/support/udp-client.js';
import { encodeTransmit, RecordDecoder } from './control-ring.js';
import type { FromShard, ShardStart, TlsOptions } from './messages.js';
import { SUSPECTS_BYTES } from './suspects.js';
import { NodeTlsEngine } from './tls/node-tls-engine.js';

// Both come from the build: jest neither transforms a worker's files nor loads the add-on's ES module.
const native = createRequire(__filename)(
  join(process.cwd(), `native/shardvpn.${process.platform}-${process.arch}.node`),
) as typeof Native;
const ENTRY = pathToFileURL(join(process.cwd(), 'packages/worker/dist/entry.js'));

let rig: Rig;
beforeEach(async () => {
  rig = new Rig();
  await rig.open();
});
afterEach(() => rig.close());

test('datagrams cross both rings unharmed between TypeScript and the data thread', async () => {
  const consumer = new RingConsumer(rig.toWorker);
  const producer = new RingProducer(rig.toData);
  const decoder = new RecordDecoder();
  const echo = (path: Path, bytes: Uint8Array): void => {
    expect(path).toEqual({ listener: 0, host: '127.0.0.1', port: rig.socket.address().port });
    if (!encodeTransmit(producer, { path, bytes })) throw new Error('ring full');
  };
  const turn = (): void => {
    consumer.awake();
    do {
      consumer.drain(16, (kind, payload) =>
        decoder.decode(kind, payload, { handleDatagram: echo, handleDataEvent: () => undefined }),
      );
      if (producer.publish()) native.wakeShard(rig.plane, 0);
    } while (!consumer.sleep());
  };
  native.attachWorker(rig.plane, 0, turn);
  turn();
  // 450 in all: more of one address in a second would be a flood.
  for (let round = 0; round < 100; round++) {
    const sent = Array.from({ length: 1 + (round % 8) }, (_, i) => controlPacket(round * 8 + i));
    expect(sorted(await rig.exchange(sent))).toEqual(sorted(sent));
  }
  expect(decoder.malformed + consumer.corrupt + producer.dropped).toBe(0);
  native.detachWorker(rig.plane, 0);
});

describe('a shard worker', () => {
  test('answers a reset without keeping anything, counts rubbish, drains and ends', async () => {
    const { worker, inbox } = await rig.startWorker();
    const session = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    const reset = Uint8Array.of(0x38, ...session, 0, 0, 0, 0, 0);
    const [answer] = await rig.exchange([reset]);
    // HARD_RESET_SERVER_V2 that acknowledges message 0 of the client's session. [wire 7]
    expect(answer?.[0]).toBe(0x40);
    expect([...(answer ?? []).slice(9, 14)]).toEqual([1, 0, 0, 0, 0]);
    expect([...(answer ?? []).slice(14, 22)]).toEqual([...session]);

    // 255 acknowledgements in a packet that ends there.
    rig.socket.send(Uint8Array.of(0x38, ...session, 255, 0, 0, 0, 0));
    const counted = await ask(worker, inbox, ({ drops }) => Object.values(drops).some((count) => count > 0));
    expect(counted.handshakes).toBe(0);
    expect(counted.drops['control-ring-corrupt']).toBe(0);

    worker.postMessage({ type: 'shutdown' });
    await inbox.first((message) => message.type === 'drained');
    expect(await worker.terminate()).toBe(1);
  });

  test('connects a client of the core, renegotiates with it and sees it leave', async () => {
    const { worker, inbox, ca } = await rig.startWorker();
    const client = await rig.connectClient(ca, 'alice');
    const question = await inbox.first((message) => message.type === 'authenticate');
    expect(question).toMatchObject({
      identity: { commonName: 'alice', certificate: { commonName: 'alice' } },
      renegotiation: false,
    });
    answer(worker, question, { type: 'auth-decision', decision: { type: 'accept' } });
    answer(worker, await inbox.first((message) => message.type === 'lease'), {
      type: 'lease-decision',
      decision: { type: 'lease', lease: LEASE },
    });
    expect(await inbox.first((message) => message.type === 'connected')).toMatchObject({
      keyDerivation: 'tls-ekm',
      cipher: 'AES-256-GCM',
    });
    expect((await client.event('connected')).cipher).toBe('AES-256-GCM');
    expect(client.commands.slice(0, 2).map(({ type }) => type)).toEqual(['add-peer', 'install-key']);
    expect(native.shardCounters(rig.plane, 0).peers).toHaveLength(1);

    client.renegotiate();
    const again = await inbox.first((message) => message.type === 'authenticate');
    expect(again).toMatchObject({ renegotiation: true });
    answer(worker, again, { type: 'auth-decision', decision: { type: 'accept' } });
    await inbox.first((message) => message.type === 'renegotiated');

    client.exit();
    expect(await inbox.first((message) => message.type === 'disconnected')).toMatchObject({ reason: 'exit-notify' });
    client.close();
  });

  test('refuses a client whose certificate was revoked while the worker ran', async () => {
    const { worker, inbox, ca } = await rig.startWorker();
    const revoked = await ca.issue('mallory');
    worker.postMessage({ type: 'set-crl', crl: await ca.revoke(revoked) });
    const client = await rig.connectClient(ca, revoked);
    const refusal = await inbox.first((message) => message.type === 'refused');
    expect(refusal).toMatchObject({ reason: 'tls-failed', detail: expect.stringContaining('revoked') });
    client.close();
  });

  test('may be terminated and replaced on the same rings at any time', async () => {
    for (let i = 0; i < 5; i++) {
      const { worker } = await rig.startWorker();
      const exchange = rig.exchange([Uint8Array.of(0x38, i, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0)]);
      expect((await exchange)[0]?.[0]).toBe(0x40);
      rig.socket.send(Uint8Array.of(0x38, i, 2, 3, 4, 5, 6, 7, 9, 0, 0, 0, 0, 0));
      await worker.terminate();
      rig.forget();
    }
  });
});

/** A data thread on a loopback socket without a tunnel, and a client's socket. */
class Rig {
  readonly toData = createRing(1 << 16);
  readonly toWorker = createRing(1 << 16);
  readonly socket: Socket = createSocket('udp4');
  readonly plane = native.createPlane({ shards: 1, clientToClient: false, mssfix: 0, tunMtu: 1500, maxPeers: 16 });
  readonly #group = native.openUdpGroup({ host: '127.0.0.1', port: 0, shards: 1, receiveBuffer: 0, sendBuffer: 0 });
  readonly #received: Uint8Array[] = [];
  #worker: Worker | undefined;
  #arrived: () => void = () => undefined;

  async open(): Promise<void> {
    native.startShard(this.plane, {
      shard: 0,
      udp: this.#group.fds,
      tun: null,
      toData: new Uint8Array(this.toData),
      toWorker: new Uint8Array(this.toWorker),
      hopIn: [null],
      hopOut: [null],
    });
    this.socket.on('message', (bytes) => {
      this.#received.push(Uint8Array.from(bytes));
      this.#arrived();
    });
    this.socket.connect(this.#group.port, '127.0.0.1');
    await once(this.socket, 'connect');
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
    this.socket.close();
    native.destroyPlane(this.plane);
    native.closeFds(this.#group.fds);
  }

  /** Sends, and waits for as many answers. */
  async exchange(packets: readonly Uint8Array[]): Promise<Uint8Array[]> {
    this.forget();
    const all = new Promise<void>((resolve) => {
      this.#arrived = () => {
        if (this.#received.length >= packets.length) resolve();
      };
    });
    for (const packet of packets) this.socket.send(packet);
    await all;
    return this.#received.splice(0);
  }

  /** Answers that nobody waits for. */
  forget(): void {
    this.#received.length = 0;
    this.#arrived = () => undefined;
  }

  /** Certificate by name, or this one. */
  async connectClient(ca: TestAuthority, shown: string | TestCertificate): Promise<UdpClient> {
    const own = typeof shown === 'string' ? await ca.issue(shown) : shown;
    return new UdpClient(this.socket, new NodeTlsEngine(tlsOptions(ca.cert, own)));
  }

  async startWorker(): Promise<{ worker: Worker; inbox: Inbox; ca: TestAuthority }> {
    const ca = await TestAuthority.create();
    const worker = new Worker(ENTRY, { workerData: await shardStart(this, ca) });
    this.#worker = worker;
    const inbox = new Inbox(worker);
    await inbox.first((message) => message.type === 'ready');
    return { worker, inbox, ca };
  }
}

const LEASE: Lease = { ipv4: { address: '10.8.0.2', netmask: '255.255.255.0' }, ipv6: null, push: [] };

type Question = Extract<FromShard, { type: 'authenticate' | 'lease' }>;
type Answer = { type: 'auth-decision'; decision: AuthDecision } | { type: 'lease-decision'; decision: LeaseDecision };

/** What the supervisor's registry does. */
function answer(worker: Worker, question: FromShard, reply: Answer): void {
  worker.postMessage({ ...reply, request: (question as Question).request });
}

class Inbox {
  readonly #messages: FromShard[] = [];
  #arrived: () => void = () => undefined;
  #failed: (error: Error) => void = () => undefined;

  constructor(worker: Worker) {
    worker.on('message', (messages: readonly FromShard[]) => {
      this.#messages.push(...messages);
      this.#arrived();
    });
    worker.on('error', (error) => this.#failed(error));
  }

  /** Takes the first message that fits, now or later; rejects when the worker fails. */
  first<M extends FromShard>(fits: (message: FromShard) => message is M): Promise<M>;
  first(fits: (message: FromShard) => boolean): Promise<FromShard>;
  first(fits: (message: FromShard) => boolean): Promise<FromShard> {
    return new Promise((resolve, reject) => {
      this.#failed = reject;
      this.#arrived = () => {
        const at = this.#messages.findIndex(fits);
        if (at >= 0) resolve(this.#messages.splice(at, 1)[0] as FromShard);
      };
      this.#arrived();
    });
  }
}

type Drops = Extract<FromShard, { type: 'drops' }>;

/** Asks until the answer is as wanted. */
async function ask(worker: Worker, inbox: Inbox, wanted: (answer: Drops) => boolean): Promise<Drops> {
  for (let request = 1; ; request++) {
    worker.postMessage({ type: 'drops', request });
    const answer = await inbox.first(
      (message): message is Drops => message.type === 'drops' && message.request === request,
    );
    if (wanted(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function shardStart(
  rings: Pick<ShardStart, 'toData' | 'toWorker' | 'plane'>,
  ca: TestAuthority,
): Promise<ShardStart> {
  return {
    server: {
      shard: 0,
      shards: 1,
      wrap: { type: 'none' },
      cookieKey: new Uint8Array(32).fill(7),
      dataCiphers: ['AES-256-GCM'],
      fallbackCipher: null,
      occ: { cipher: 'AES-256-GCM', auth: 'SHA1', tunMtu: 1500 },
      clientCertificate: 'require',
      push: [],
      tunMtu: 1500,
      pingInterval: 0,
      pingTimeout: 0,
      handWindow: 60,
      tranWindow: 3600,
      renegSec: 3600,
      tlsTimeout: 2,
      connectFreqInitial: { count: 100, seconds: 10 },
      explicitExitNotify: 1,
      maxPacketSize: 1250,
      maxSessions: 16,
    },
    tls: tlsOptions(ca.cert, await ca.issue('server', { usage: 'server' })),
    plane: rings.plane,
    toData: rings.toData,
    toWorker: rings.toWorker,
    heartbeat: new SharedArrayBuffer(4),
    suspects: new SharedArrayBuffer(SUSPECTS_BYTES),
  };
}

const tlsOptions = (ca: string, { cert, key }: TestCertificate): TlsOptions => ({
  ca,
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

/** CONTROL_V1 of pseudo-random length up to 1222 bytes, told apart by its first bytes. */
function controlPacket(serial: number): Uint8Array {
  const length = 16 + ((Math.imul(serial + 1, 2654435761) >>> 0) % 1207);
  const packet = new Uint8Array(length).fill(serial);
  packet.set([0x20, 0, 0, 0, 0, serial >>> 8, serial]);
  return packet;
}

const sorted = (packets: readonly Uint8Array[]): string[] =>
  packets.map((bytes) => Buffer.from(bytes).toString('hex')).sort();
