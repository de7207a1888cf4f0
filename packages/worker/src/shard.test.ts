import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  asPeerId,
  type ConnectedClient,
  type DataCommand,
  type DataEvent,
  type InheritedPeer,
  type LiveOptions,
  type Path,
  type PushUpdate,
  type ServerEvent,
  type SnapshotChange,
  type Transmit,
} from '@shardvpn/core';
import { createRing, RingConsumer, RingProducer } from '@shardvpn/ring';
import type { FromShard, TlsOptions } from './messages.js';
import { encodePath } from './path-record.js';
import { Shard, type ShardServer } from './shard.js';

const PATH: Path = { listener: 0, host: '192.0.2.1', port: 4000 };
const INHERITED: readonly InheritedPeer[] = [{ peerId: asPeerId(3), served: true, path: null, bytes: null, tls: null }];
const TOUCH: DataCommand = { type: 'touch-peer', peerId: asPeerId(1) };

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'clearImmediate', 'queueMicrotask', 'nextTick'] });
});
afterEach(() => {
  jest.useRealTimers();
});

describe('a turn', () => {
  test('puts commands before transmits into one batch, wakes the data thread once, then tells events', async () => {
    const rig = new Rig();
    await rig.turn();
    rig.data.sleep();
    rig.server.transmits.push(transmit(1), transmit(2));
    rig.server.commands.push(TOUCH, { type: 'remove-peer', peerId: asPeerId(1) });
    rig.server.events.push({ type: 'renegotiated', peerId: asPeerId(1), tls: 'TLSv1.3' });
    await rig.turn();
    expect(rig.sent()).toEqual([6, 7, 1, 1]);
    expect(rig.log).toEqual(['poll-timeout', 'wake-data-thread', 'post renegotiated', 'poll-timeout']);
  });

  test('a data thread that is awake is not woken', async () => {
    const rig = new Rig();
    rig.server.transmits.push(transmit(1));
    await rig.turn();
    expect(rig.log).not.toContain('wake-data-thread');
  });

  test('reads a bounded batch, and the rest in later turns', async () => {
    const rig = new Rig();
    for (let i = 0; i < 70; i++) rig.receive(i);
    await rig.turn();
    expect(rig.server.datagrams).toHaveLength(32);
    await rig.turn();
    await rig.turn();
    expect(rig.server.datagrams).toEqual(Array.from({ length: 70 }, (_, i) => i));
    expect(jest.getTimerCount()).toBe(0);
  });

  test('asks to be woken only when it has read everything', async () => {
    const rig = new Rig();
    rig.receive(1);
    await rig.turn();
    expect(rig.receive(2)).toBe(true);
    expect(rig.receive(3)).toBe(false);
    rig.shard.wake();
    await rig.turn();
    expect(rig.server.datagrams).toEqual([1, 2, 3]);
  });

  test('hands on data events', async () => {
    const rig = new Rig();
    rig.receiveEvent(4, 9);
    await rig.turn();
    expect(rig.server.dataEvents).toEqual([{ type: 'exit', peerId: 9 }]);
  });

  test('TLS progress leads to one handleTls however often it is told', async () => {
    const rig = new Rig();
    await rig.turn();
    for (let i = 0; i < 3; i++) rig.tlsProgress();
    await rig.turn();
    expect(rig.log.filter((entry) => entry === 'handle-tls')).toHaveLength(1);
    await rig.turn();
    expect(rig.log).not.toContain('handle-tls');
  });
});

describe('a new worker', () => {
  test('says whom it has taken over before anything else', async () => {
    const rig = new Rig();
    await rig.turn();
    expect(rig.posted).toEqual([
      expect.objectContaining({ type: 'restored', peerId: 3 }),
      { type: 'taken-over', peerIds: [3] },
    ]);
  });

  test('keeps snapshots when all are made and the commands of the turn are written, before these leave', async () => {
    const rig = new Rig();
    await rig.turn();
    rig.data.sleep();
    rig.server.commands.push(TOUCH);
    rig.server.snapshots.push({ type: 'drop', peerId: asPeerId(1) }, { type: 'drop', peerId: asPeerId(2) });
    rig.onKeep = () => {
      const { snapshots, commands } = rig.server;
      rig.log.push(`${snapshots.length} to make, ${commands.length} to write, ${rig.sent().length} left`);
    };
    await rig.turn();
    const keeps = [1, 2].flatMap((peerId) => [`drop snapshot of ${peerId}`, '0 to make, 0 to write, 0 left']);
    expect(rig.log).toEqual(['poll-timeout', ...keeps, 'wake-data-thread', 'poll-timeout']);
    expect(rig.sent()).toEqual([6]);
  });
});

describe('a full ring', () => {
  test('holds the commands in their order, lets nothing overtake them and reads nothing new', async () => {
    const rig = new Rig();
    await rig.turn();
    rig.server.commands.push(
      ...Array.from({ length: 400 }, (_, i): DataCommand => ({ type: 'touch-peer', peerId: asPeerId(i) })),
    );
    rig.server.transmits.push(transmit(1));
    rig.server.events.push({ type: 'renegotiated', peerId: asPeerId(1), tls: '' });
    await rig.turn();
    rig.receive(5);
    await rig.turn();
    expect(rig.server.datagrams).toEqual([]);
    expect(rig.log).not.toContain('post renegotiated');
    const first = rig.sent();
    expect(first.length).toBeLessThan(400);
    rig.log.length = 0;
    await pass(3);
    const all = [...first, ...rig.sent()];
    expect(all).toEqual([...Array(400).fill(6), 1]);
    expect(rig.touched).toEqual(Array.from({ length: 400 }, (_, i) => i));
    expect(rig.log).toContain('post renegotiated');
    await rig.turn();
    expect(rig.server.datagrams).toEqual([5]);
  });

  test('drops and counts transmits', async () => {
    const rig = new Rig();
    for (let i = 0; i < 300; i++) rig.server.transmits.push(transmit(i, 100));
    await rig.turn();
    rig.shard.handleMessage({ type: 'drops', request: 3 });
    const answer = rig.posted.at(-1);
    expect(answer).toMatchObject({
      type: 'drops',
      request: 3,
      handshakes: 2,
      drops: { 'too-short': 1, 'control-ring-corrupt': 0 },
    });
    const lost = answer?.type === 'drops' ? answer.drops['control-ring-full'] : 0;
    expect(lost).toBe(300 - rig.sent().length);
    expect(lost).toBeGreaterThan(0);
  });
});

describe('time', () => {
  test('the timeout is handled when it is due, not before, with one timer', async () => {
    const rig = new Rig();
    rig.server.timeout = { at: 1000, reason: 'retransmit' };
    await rig.turn();
    await pass(990);
    expect(rig.log).not.toContain('handle-timeout 1000');
    rig.server.timeout = { at: 1500, reason: 'retransmit' };
    rig.shard.wake();
    await rig.turn();
    expect(jest.getTimerCount()).toBe(1);
    await pass(400);
    expect(rig.log.filter((entry) => entry.startsWith('handle-timeout'))).toEqual([]);
    await pass(200);
    expect(rig.log.filter((entry) => entry.startsWith('handle-timeout'))).toEqual(['handle-timeout 1500']);
  });

  test('an earlier deadline moves the timer', async () => {
    const rig = new Rig();
    rig.server.timeout = { at: 60_000, reason: 'hand-window' };
    await rig.turn();
    rig.server.timeout = { at: 50, reason: 'ack' };
    rig.shard.wake();
    await pass(60);
    expect(rig.log).toContain('handle-timeout 50');
  });
});

describe('messages', () => {
  test('go to the server', async () => {
    const rig = new Rig();
    rig.shard.handleMessage({ type: 'auth-decision', request: 1, decision: { type: 'accept' } });
    rig.shard.handleMessage({ type: 'key-verdict', key: 'aa', verdict: 'refuse' });
    rig.shard.handleMessage({ type: 'lease-decision', request: 2, decision: { type: 'refuse', reason: 'full' } });
    rig.shard.handleMessage({ type: 'disconnect', peerId: asPeerId(4), reason: 'kicked', detail: 'x' });
    rig.shard.handleMessage({ type: 'leave-listener', listener: 3 });
    rig.shard.handleMessage({ type: 'set-crl', crl: 'pem' });
    expect(rig.log).toEqual([
      'auth-decision 1',
      'key-verdict aa refuse',
      'lease-decision 2',
      'disconnect 4 kicked',
      'leave-listener 3',
      'set-crl pem',
    ]);
  });

  test('new options are taken over whole or not at all, and answered', () => {
    const rig = new Rig();
    const server = { push: ['dns'] } as unknown as LiveOptions;
    const tls = (cert: string) => ({ cert }) as TlsOptions;
    rig.shard.handleMessage({ type: 'reconfigure', request: 7, server, tls: tls('good') });
    rig.shard.handleMessage({ type: 'reconfigure', request: 8, server, tls: tls('bad') });
    rig.shard.handleMessage({ type: 'reconfigure', request: 9, server, tls: null });
    expect(rig.log.filter((line) => !line.startsWith('post'))).toEqual([
      'set-tls good',
      'reconfigure dns',
      'reconfigure dns',
    ]);
    expect(rig.posted).toEqual([
      { type: 'reconfigured', request: 7, problem: null },
      { type: 'reconfigured', request: 8, problem: 'no certificate' },
      { type: 'reconfigured', request: 9, problem: null },
    ]);
  });

  test('a connected client is told flat', async () => {
    const rig = new Rig();
    const identity = {
      commonName: 'c',
      username: null,
      certificate: null,
      path: PATH,
      peerInfo: new Map([['IV_VER', '2.6']]),
    };
    const lease = { ipv4: null, ipv6: null, push: [] };
    const client = {
      peerId: asPeerId(2),
      identity,
      lease,
      cipher: 'AES-256-GCM',
      tls: 'TLSv1.3',
      keyDerivation: 'tls-ekm',
      since: 7,
    } as const;
    await rig.turn();
    rig.posted.length = 0;
    rig.server.events.push({ type: 'connected', client });
    await rig.turn();
    expect(rig.posted).toEqual([
      {
        type: 'connected',
        peerId: 2,
        cipher: 'AES-256-GCM',
        tls: 'TLSv1.3',
        keyDerivation: 'tls-ekm',
        since: 7,
      },
    ]);
  });

  test('an update is handed over and answered, a line to show is handed over', async () => {
    const rig = new Rig();
    await rig.turn();
    rig.posted.length = 0;
    rig.log.length = 0;
    const update = { options: ['-dns'], addresses: null };
    rig.shard.handleMessage({ type: 'push-update', request: 3, peerId: asPeerId(0), update });
    rig.shard.handleMessage({ type: 'push-update', request: 4, peerId: asPeerId(2), update });
    rig.shard.handleMessage({ type: 'info', peerId: asPeerId(2), text: 'hello' });
    expect(rig.log).toEqual(expect.arrayContaining(['push-update 0 -dns', 'push-update 2 -dns', 'info 2 hello']));
    expect(rig.posted).toEqual([
      { type: 'push-updated', request: 3, problem: null },
      { type: 'push-updated', request: 4, problem: 'the client has left' },
    ]);
  });

  test('shutdown is answered once, when the notices are in the ring', async () => {
    const rig = new Rig();
    rig.server.isDrained = false;
    await rig.turn();
    rig.posted.length = 0;
    rig.shard.handleMessage({ type: 'shutdown' });
    await rig.turn();
    expect(rig.posted).toEqual([]);
    rig.server.transmits.push(transmit(1));
    rig.server.isDrained = true;
    rig.shard.wake();
    await rig.turn();
    expect(rig.posted).toEqual([{ type: 'drained' }]);
    expect(rig.sent()).toEqual([1]);
    rig.shard.wake();
    await rig.turn();
    expect(rig.posted).toHaveLength(1);
  });

  test('the wall clock is handed in beside the time of the loop', async () => {
    const rig = new Rig();
    await pass(100);
    rig.shard.handleWallClock(1_700_000_000);
    expect(rig.log.at(-1)).toBe('wall clock 100 1700000000');
  });

  test('after close nothing happens any more', async () => {
    const rig = new Rig();
    rig.server.timeout = { at: 5, reason: 'x' };
    await rig.turn();
    rig.shard.close();
    rig.receive(1);
    rig.shard.wake();
    await pass(100);
    expect(rig.server.datagrams).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });
});

/** A shard over real rings with a scripted server. Fake timers are the clock. */
class Rig {
  readonly log: string[] = [];
  readonly posted: FromShard[] = [];
  readonly touched: number[] = [];
  readonly server = new ScriptedServer(this.log);
  readonly shard: Shard;
  readonly data: RingConsumer;
  readonly #fromData: RingProducer;
  tlsProgress: () => void = () => undefined;
  onKeep: () => void = () => undefined;

  constructor() {
    const toData = createRing(4096);
    const toWorker = createRing(8192);
    this.data = new RingConsumer(toData);
    this.#fromData = new RingProducer(toWorker);
    const start = performance.now();
    this.shard = new Shard(
      { toData, toWorker },
      {
        createServer: (onTlsProgress) => {
          this.tlsProgress = onTlsProgress;
          return this.server;
        },
        now: () => performance.now() - start,
        post: (message) => {
          this.posted.push(message);
          this.log.push(`post ${message.type}`);
        },
        wakeDataThread: () => this.log.push('wake-data-thread'),
        inheritedPeers: () => INHERITED,
        keepSnapshot: ({ type, peerId }) => {
          this.log.push(`${type} snapshot of ${peerId}`);
          this.onKeep();
        },
        setCrl: (crl) => this.log.push(`set-crl ${crl}`),
        setTls: ({ cert }) => {
          if (cert === 'bad') throw new Error('no certificate');
          this.log.push(`set-tls ${cert}`);
        },
      },
    );
  }

  /** Wakes the shard and lets one turn run. The log is that of this turn. */
  async turn(): Promise<void> {
    this.log.length = 0;
    this.shard.wake();
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** A datagram of one byte from the data thread; true when the worker has to be woken. */
  receive(byte: number): boolean {
    const record = this.#fromData.reserve(1, 25) ?? new Uint8Array(25);
    encodePath(PATH, record, 0);
    record[24] = byte;
    return this.#fromData.publish();
  }

  receiveEvent(kind: number, peerId: number): void {
    this.#fromData.reserve(kind, 4)?.set([peerId, 0, 0, 0]);
    this.#fromData.publish();
  }

  /** Kinds of the records sent since the last call. */
  sent(): number[] {
    const kinds: number[] = [];
    this.data.drain(10_000, (kind, payload) => {
      kinds.push(kind);
      if (kind === 6) this.touched.push((payload[0] ?? 0) | ((payload[1] ?? 0) << 8));
    });
    return kinds;
  }
}

class ScriptedServer implements ShardServer {
  readonly snapshots: SnapshotChange[] = [];
  readonly commands: DataCommand[] = [];
  readonly transmits: Transmit[] = [];
  readonly events: ServerEvent[] = [];
  readonly datagrams: (number | undefined)[] = [];
  readonly dataEvents: DataEvent[] = [];
  readonly drops = { 'too-short': 1 } as unknown as ShardServer['drops'];
  readonly handshakes = 2;
  timeout: { at: number; reason: string } | undefined;
  isDrained = true;
  readonly #log: string[];

  constructor(log: string[]) {
    this.#log = log;
  }

  handleDatagram(_now: number, _path: Path, bytes: Uint8Array): void {
    this.datagrams.push(bytes[0]);
  }
  handleDataEvent(_now: number, event: DataEvent): void {
    this.dataEvents.push(event);
  }
  handleTls(): void {
    this.#log.push('handle-tls');
  }
  handleAuthDecision(_now: number, request: number): void {
    this.#log.push(`auth-decision ${request}`);
  }
  handleKeyVerdict(_now: number, key: string, verdict: string): void {
    this.#log.push(`key-verdict ${key} ${verdict}`);
  }
  handleLeaseDecision(_now: number, request: number): void {
    this.#log.push(`lease-decision ${request}`);
  }
  disconnect(_now: number, peerId: number, reason: string): void {
    this.#log.push(`disconnect ${peerId} ${reason}`);
  }
  pushUpdate(_now: number, peerId: number, { options }: PushUpdate): string | null {
    this.#log.push(`push-update ${peerId} ${options}`);
    return peerId === 0 ? null : 'the client has left';
  }
  sendInfo(_now: number, peerId: number, text: string): void {
    this.#log.push(`info ${peerId} ${text}`);
  }
  restore(_now: number, peers: readonly InheritedPeer[]): void {
    for (const { peerId } of peers)
      this.events.push({ type: 'restored', client: { peerId } as unknown as ConnectedClient });
  }
  pollSnapshot(): SnapshotChange | undefined {
    return this.snapshots.shift();
  }
  leaveListener(_now: number, listener: number): void {
    this.#log.push(`leave-listener ${listener}`);
  }
  handleWallClock(now: number, unixNow: number): void {
    this.#log.push(`wall clock ${now} ${unixNow}`);
  }

  reconfigure(_now: number, { push }: LiveOptions): void {
    this.#log.push(`reconfigure ${push}`);
  }
  shutdown(): void {
    this.#log.push('shutdown');
  }
  handleTimeout(): void {
    this.#log.push(`handle-timeout ${this.timeout?.at}`);
    this.timeout = undefined;
  }
  pollTimeout(): { at: number; reason: string } | undefined {
    this.#log.push('poll-timeout');
    return this.timeout;
  }
  pollCommand(): DataCommand | undefined {
    return this.commands.shift();
  }
  pollTransmit(): Transmit | undefined {
    return this.transmits.shift();
  }
  pollEvent(): ServerEvent | undefined {
    return this.events.shift();
  }
}

/** Lets time pass, and the turns that its timers ask for. */
async function pass(ms: number): Promise<void> {
  jest.advanceTimersByTime(ms);
  await new Promise((resolve) => setImmediate(resolve));
}

const transmit = (byte: number, length = 1): Transmit => ({ path: PATH, bytes: new Uint8Array(length).fill(byte) });
