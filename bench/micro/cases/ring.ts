import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { createRing, RingConsumer, RingProducer } from '@shardvpn/ring';
import type { MicroCase } from '../micro-case.js';

const CAPACITY = 1 << 20;
const BATCH = 64;
const SIZES = [64, 1400];

/** A record through a ring: within one thread, and to another thread that is awake and back again. */
export const ringCases = (): MicroCase[] => SIZES.flatMap((size) => [oneThread(size), twoThreads(size)]);

function oneThread(size: number): MicroCase {
  const memory = createRing(CAPACITY);
  const [producer, consumer] = [new RingProducer(memory), new RingConsumer(memory)];
  const payload = new Uint8Array(size).fill(7);
  return {
    name: `ring ts, one thread/record of ${size}`,
    operations: BATCH,
    run: () => {
      push(producer, payload);
      drain(consumer);
    },
  };
}

function twoThreads(size: number): MicroCase {
  const [there, back] = [createRing(CAPACITY), createRing(CAPACITY)];
  const [producer, consumer] = [new RingProducer(there), new RingConsumer(back)];
  const payload = new Uint8Array(size).fill(7);
  let mirror: Worker | null = null;
  return {
    name: `ring ts, two threads/record of ${size}, there and back`,
    operations: BATCH,
    open: async () => {
      // Its start needs this thread's event loop, so it is over before anything is waited for without one.
      mirror = new Worker(new URL('./ring-mirror.js', import.meta.url), { workerData: { there, back } });
      await once(mirror, 'online');
    },
    run: () => {
      push(producer, payload);
      drain(consumer);
    },
    close: async () => {
      await mirror?.terminate();
    },
  };
}

function push(producer: RingProducer, payload: Uint8Array): void {
  for (let n = 0; n < BATCH; n++) {
    const slot = producer.reserve(1, payload.length);
    if (slot === undefined) throw new Error('the ring is full');
    slot.set(payload);
  }
  producer.publish();
}

function drain(consumer: RingConsumer): void {
  for (let left = BATCH; left > 0; ) left -= consumer.drain(left, () => undefined);
}
