import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, test } from '@jest/globals';
import { createRing } from './layout.js';

/** Workers run the build; jest does not transform their files. */
const BUILD = pathToFileURL(join(process.cwd(), 'packages/ring/dist/index.js')).href;
const RECORDS = 200_000;

test('two threads pass every record in order, whole, with sleeping and waking', async () => {
  const memory = createRing(8192);
  const asleep = new SharedArrayBuffer(4);
  const workerData = { memory, asleep, build: BUILD, records: RECORDS };
  const producer = new Worker(PRODUCER, { eval: true, workerData });
  const consumer = new Worker(CONSUMER, { eval: true, workerData });
  const [[wakes], [result]] = await Promise.all([once(producer, 'message'), once(consumer, 'message')]);
  expect(result).toEqual({ received: RECORDS, faults: 0, corrupt: 0 });
  expect(wakes).toBeGreaterThan(0);
  await Promise.all([producer.terminate(), consumer.terminate()]);
});

/** Record i: kind 1 + i % 5, size by a generator both sides run, filled with bytes of i. */
const SHARED = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { memory, build, records } = workerData;
  const asleep = new Int32Array(workerData.asleep);
  let seed = 12345;
  const nextSize = () => { seed = (Math.imul(seed, 1103515245) + 12345) >>> 0; return (seed >>> 16) % ((seed >>> 8) % 16 === 0 ? 1500 : 60); };
  // The word that a wake-up changes: byte 8 of the header line is nobody else's.
  const bell = new Int32Array(memory, 8, 1);
`;

const PRODUCER = `${SHARED}
  import(build).then(({ RingProducer }) => {
    const ring = new RingProducer(memory);
    let wakes = 0;
    const publish = () => { if (ring.publish()) { wakes++; Atomics.add(bell, 0, 1); Atomics.notify(bell, 0); } };
    // Who comes first is chance, and one wake-up is to be seen.
    Atomics.wait(asleep, 0, 0);
    for (let i = 0; i < records; i++) {
      const size = nextSize();
      while (!ring.fits(size)) { publish(); Atomics.wait(bell, 0, Atomics.load(bell, 0), 1); }
      ring.reserve(1 + (i % 5), size).fill(i);
      if (seed % 7 === 0) publish();
      if (seed % 5003 === 0) { publish(); Atomics.wait(bell, 0, Atomics.load(bell, 0), 1); }
    }
    publish();
    parentPort.postMessage(wakes);
  });
`;

const CONSUMER = `${SHARED}
  import(build).then(({ RingConsumer }) => {
    const ring = new RingConsumer(memory);
    let received = 0;
    let faults = 0;
    const handle = (kind, payload) => {
      const size = nextSize();
      if (kind !== 1 + (received % 5) || payload.length !== size || payload.some((b) => b !== (received & 255))) faults++;
      received++;
    };
    while (received < records) {
      const rung = Atomics.load(bell, 0);
      if (ring.sleep()) {
        Atomics.store(asleep, 0, 1);
        Atomics.notify(asleep, 0);
        // A lost wake-up would end the test here: nothing else changes the bell.
        if (Atomics.wait(bell, 0, rung, 120_000) === 'timed-out') break;
      }
      ring.awake();
      while (ring.drain(50, handle) > 0) {}
    }
    parentPort.postMessage({ received, faults, corrupt: ring.corrupt });
  });
`;
