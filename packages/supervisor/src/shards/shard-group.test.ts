import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { asPeerId } from '@shardvpn/core';
import type { FromShard, ShardStart, ToShard } from '@shardvpn/worker';
import type { Log } from '../log.js';
import { SHARD_GROUP_LIMITS, ShardGroup, type ShardGroupLimits } from './shard-group.js';
import type { WorkerPort } from './shard-handle.js';

/** A worker that does what the test says. */
class TestWorker implements WorkerPort {
  readonly start: ShardStart;
  readonly received: ToShard[] = [];
  readonly #listeners = new Map<string, ((value: never) => void)[]>();
  #ended = false;

  constructor(start: ShardStart) {
    this.start = start;
  }

  on(event: string, listener: (value: never) => void): void {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  }

  postMessage(message: ToShard): void {
    this.received.push(message);
  }

  async terminate(): Promise<void> {
    this.emit('exit', 1);
  }

  say(message: FromShard): void {
    this.emit('message', [message]);
  }

  emit(event: 'message' | 'error' | 'exit', value: unknown): void {
    if (event === 'exit' && this.#ended) return;
    if (event === 'exit') this.#ended = true;
    for (const listener of this.#listeners.get(event) ?? []) listener(value as never);
  }

  get ended(): boolean {
    return this.#ended;
  }
}

const LIMITS: ShardGroupLimits = { ...SHARD_GROUP_LIMITS, statistics: 20, firstBackOff: 10, longestBackOff: 40 };

const newLab = (
  limits: Partial<ShardGroupLimits> = {},
  onStart = (worker: TestWorker) => worker.say({ type: 'ready' }),
  waits = false,
) => {
  const workers: TestWorker[] = [];
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  const log: Log = { error: write, warn: write, info: write, debug: write };
  const starts = [0, 1].map((shard) => ({ server: { shard }, heartbeat: new SharedArrayBuffer(4) }) as ShardStart);
  const startWorker = (start: ShardStart): WorkerPort => {
    const worker = new TestWorker(start);
    workers.push(worker);
    queueMicrotask(() => onStart(worker));
    return worker;
  };
  const ports = {
    startWorker,
    log,
    onClient: () => {},
  };
  return { group: new ShardGroup(starts, ports, { ...LIMITS, ...limits }, waits), workers, lines, starts };
};

const workerOf = (workers: readonly TestWorker[], i: number): TestWorker => workers[i] as TestWorker;

/** Milliseconds pass, of the test's own clock: how busy the machine is decides nothing. */
const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

const until = async (condition: () => boolean): Promise<void> => {
  for (let ms = 0; !condition() && ms < 1_000; ms += 1) await pass(1);
  expect(condition()).toBe(true);
};

/** What it ends with when so many milliseconds have passed. */
const after = async <T>(ms: number, work: Promise<T>): Promise<T> => {
  work.catch(() => {});
  await pass(ms);
  return work;
};

describe('shard group', () => {
  let group: ShardGroup | undefined;
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'nextTick', 'setImmediate'] }));
  afterEach(async () => {
    if (group !== undefined) await after(0, group.stop(0));
    group = undefined;
    jest.useRealTimers();
  });

  test('is started when every worker is ready', async () => {
    const lab = newLab();
    group = lab.group;
    await group.start();
    expect(lab.workers.map(({ start }) => start.server.shard)).toEqual([0, 1]);
  });

  test('a worker that ends during the start ends the start, with its reason, and the others', async () => {
    const lab = newLab({}, (worker) => {
      if (worker.start.server.shard === 1) worker.emit('error', new Error('no such module'));
      if (worker.start.server.shard === 1) worker.emit('exit', 1);
    });
    await expect(lab.group.start()).rejects.toThrow('no such module');
    expect(lab.workers.every(({ ended }) => ended)).toBe(true);
  });

  test('a worker that never gets ready ends the start', async () => {
    const lab = newLab({ ready: 20 }, () => {});
    await expect(after(20, lab.group.start())).rejects.toThrow('not ready');
    expect(lab.workers.every(({ ended }) => ended)).toBe(true);
  });

  test('a worker that ends is replaced, with its peers and the newest CRL, and what waited is sent', async () => {
    const lab = newLab();
    group = lab.group;
    await group.start();
    group.setCrl('new list');
    workerOf(lab.workers, 1).emit('error', new Error('out of luck'));
    workerOf(lab.workers, 1).emit('exit', 1);
    await pass(0);
    expect(lab.lines[0]).toContain('out of luck');
    const goodbye: ToShard = { type: 'disconnect', peerId: asPeerId(5), reason: 'kicked', detail: '' };
    group.send(1, goodbye);
    group.send(1, { type: 'auth-decision', request: 1, decision: { type: 'accept' } });
    await pass(40);
    expect(lab.workers).toHaveLength(3);
    const next = workerOf(lab.workers, 2);
    expect(next.start.server).toMatchObject({ shard: 1 });
    expect(next.received).toEqual([{ type: 'set-crl', crl: 'new list' }, goodbye]);
  });

  test('released workers finish, end and are not replaced until they are wanted again', async () => {
    const lab = newLab({ release: 30 });
    group = lab.group;
    await group.start();
    const released = group.release();
    expect(lab.workers.map(({ received }) => received)).toEqual([[{ type: 'release' }], [{ type: 'release' }]]);
    workerOf(lab.workers, 0).say({ type: 'released' });
    // The other one hangs.
    await after(30, released);
    await pass(40);
    expect(lab.workers.map(({ ended }) => ended)).toEqual([true, true]);
    group.resume();
    await pass(0);
    expect(lab.workers).toHaveLength(4);
    expect(lab.workers.map(({ start }) => start.server.shard)).toEqual([0, 1, 0, 1]);
    expect(lab.lines.filter((line) => line.includes('ended'))).toEqual([]);
  });

  test('workers that wait begin when they are told, those that replace them at once', async () => {
    const lab = newLab({}, undefined, true);
    group = lab.group;
    await group.start();
    expect(lab.workers.map(({ start, received }) => [start.waits, received])).toEqual([
      [true, []],
      [true, []],
    ]);
    group.begin();
    expect(workerOf(lab.workers, 1).received).toEqual([{ type: 'begin' }]);
    workerOf(lab.workers, 1).emit('exit', 1);
    await pass(40);
    expect(workerOf(lab.workers, 2).start.waits).toBe(false);
  });

  test('the back-off grows with every failure and has a limit', async () => {
    let failing = false;
    const lab = newLab({}, (worker) => (failing ? worker.emit('exit', 1) : worker.say({ type: 'ready' })));
    group = lab.group;
    await group.start();
    failing = true;
    workerOf(lab.workers, 0).emit('exit', 1);
    await pass(200);
    // 10, 20, 40, 40, ... ms
    expect(lab.workers.length).toBeGreaterThanOrEqual(5);
    expect(lab.workers.length).toBeLessThanOrEqual(8);
  });

  test('ten deaths in a row are logged and counted by reason, and are of no concern to the other shard', async () => {
    const lab = newLab({ firstBackOff: 1, longestBackOff: 2 });
    group = lab.group;
    await group.start();
    const outOfMemory = Object.assign(new Error('heap'), { code: 'ERR_WORKER_OUT_OF_MEMORY' });
    for (let death = 1; death <= 10; death++) {
      const worker = lab.workers.at(-1) as TestWorker;
      if (death % 2 === 0) worker.emit('error', outOfMemory);
      worker.emit('exit', 7);
      await until(() => lab.workers.length === 2 + death);
    }
    expect(group.restarts()).toEqual([{}, { exit: 5, memory: 5 }]);
    expect(lab.lines.filter((line) => line.includes('worker of shard 1 ended with code 7'))).toHaveLength(5);
    expect(lab.lines.filter((line) => line.includes('worker of shard 0'))).toEqual([]);
    expect(workerOf(lab.workers, 0).ended).toBe(false);
  });

  test('a question to a worker that dies is not waited for', async () => {
    const lab = newLab({ statistics: 60_000 });
    group = lab.group;
    await group.start();
    const reading = group.statistics();
    for (const worker of [...lab.workers]) worker.emit('exit', 1);
    expect(await reading).toEqual([null, null]);
  });

  test('a worker whose heartbeat stands still is replaced, one that beats is not', async () => {
    const lab = newLab({ heartbeatCheck: 10, hang: 60 });
    group = lab.group;
    await group.start();
    const beat = setInterval(() => Atomics.add(new Int32Array((lab.starts[0] as ShardStart).heartbeat), 0, 1), 5);
    await pass(120);
    clearInterval(beat);
    expect(lab.lines.some((line) => line.includes('shard 1 hangs'))).toBe(true);
    expect(lab.lines.some((line) => line.includes('worker of shard 0'))).toBe(false);
    expect(lab.workers.length).toBeGreaterThan(2);
    expect(group.restarts()[1]?.hang).toBeGreaterThan(0);
  });

  test('a worker that takes its time to start does not hang', async () => {
    let slow = false;
    const lab = newLab({ heartbeatCheck: 10, hang: 40 }, (worker) => (slow ? {} : worker.say({ type: 'ready' })));
    group = lab.group;
    await group.start();
    const beats = lab.starts.map(({ heartbeat }) => new Int32Array(heartbeat));
    const beat = setInterval(() => Atomics.add(beats[0] as Int32Array, 0, 1), 5);
    slow = true;
    workerOf(lab.workers, 1).emit('exit', 1);
    await until(() => lab.workers.length === 3);
    await pass(120);
    clearInterval(beat);
    expect(lab.workers).toHaveLength(3);
    expect(group.restarts()).toEqual([{}, { exit: 1 }]);
  });

  test('statistics are null where no worker answers', async () => {
    const lab = newLab();
    group = lab.group;
    await group.start();
    const reading = group.statistics();
    const question = workerOf(lab.workers, 1).received[0];
    if (question?.type !== 'drops') throw new Error('no question');
    workerOf(lab.workers, 1).say({ type: 'drops', request: question.request, drops: { 'bad-hmac': 2 }, handshakes: 3 });
    expect(await after(20, reading)).toEqual([null, expect.objectContaining({ handshakes: 3 })]);
  });

  test('stop waits for the goodbyes, then ends the workers; nobody is replaced', async () => {
    const lab = newLab();
    await lab.group.start();
    const stopping = lab.group.stop(1000);
    expect(workerOf(lab.workers, 0).received).toEqual([{ type: 'shutdown' }]);
    expect(workerOf(lab.workers, 0).ended).toBe(false);
    for (const worker of lab.workers) worker.say({ type: 'drained' });
    await stopping;
    await pass(50);
    expect(lab.workers.map(({ ended }) => ended)).toEqual([true, true]);
    expect(lab.lines).toEqual([]);
  });

  test('stop does not wait for a worker that never finishes', async () => {
    const lab = newLab();
    await lab.group.start();
    await after(20, lab.group.stop(20));
    expect(lab.workers.every(({ ended }) => ended)).toBe(true);
    expect(lab.lines).toEqual([expect.stringContaining('not every client')]);
  });
});
