import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { openSocket, sendTo, startPlane, until } from './lab.mjs';

const reset = Buffer.alloc(14, 7);
reset[0] = 7 << 3;

const start = (plane, body = '') =>
  new Worker(
    `import { parentPort, workerData } from 'node:worker_threads';
     import { RingConsumer } from ${JSON.stringify(import.meta.resolve('@shardvpn/ring'))};
     import * as native from ${JSON.stringify(new URL('../index.js', import.meta.url).href)};
     const ring = new RingConsumer(workerData.ring);
     native.attachWorker(workerData.plane, 0, () => {
       ring.awake();
       let count = 0;
       do count += ring.drain(1000, () => {}); while (!ring.sleep());
       if (count > 0) parentPort.postMessage(count);
     });
     parentPort.postMessage('ready');
     parentPort.on('message', () => {});
     ${body}`,
    {
      eval: true,
      workerData: { plane: plane.plane, ring: plane.seats[0].toWorker },
      execArgv: ['--input-type=module'],
    },
  );

const said = (worker, wanted) =>
  new Promise((resolve, reject) => {
    worker.on('message', (value) => (value === 'ready' ? wanted === 'ready' : wanted === 'count') && resolve(value));
    worker.on('error', reject);
  });

test('a sleeping worker is woken by what comes in, and what an earlier one left is taken up', async (t) => {
  const plane = startPlane(1);
  const socket = await openSocket();
  t.after(() => {
    socket.close();
    plane.stop();
  });
  await sendTo(socket, plane.port, reset);
  const worker = start(plane);
  assert.equal(await said(worker, 'count'), 1);
  const next = said(worker, 'count');
  await sendTo(socket, plane.port, reset);
  assert.equal(await next, 1);
  await worker.terminate();
});

test('an attached callback does not keep a worker alive', async (t) => {
  const plane = startPlane(1);
  t.after(() => plane.stop());
  const worker = start(plane, `parentPort.removeAllListeners('message'); parentPort.unref();`);
  const code = await new Promise((resolve) => worker.on('exit', resolve));
  assert.equal(code, 0);
});

test('200 workers are started and terminated at any moment while packets keep coming', {
  timeout: 600_000,
}, async (t) => {
  const plane = startPlane(1);
  const socket = await openSocket();
  let flooding = true;
  const flood = (async () => {
    while (flooding) {
      for (let i = 0; i < 20; i++) await sendTo(socket, plane.port, reset);
      await new Promise(setImmediate);
    }
  })();
  t.after(() => {
    socket.close();
    plane.stop();
  });
  for (let cycle = 0; cycle < 200; cycle++) {
    const worker = start(plane);
    if (cycle % 4 !== 0) await said(worker, cycle % 2 === 0 ? 'count' : 'ready');
    await worker.terminate();
  }
  flooding = false;
  await flood;
  assert.equal(plane.counters(0).state, 'running');
  const worker = start(plane);
  await said(worker, 'ready');
  let taken = 0;
  worker.on('message', (count) => {
    taken += count;
  });
  // The flood has used up what a stranger may send in this second.
  await until('a packet', async () => {
    await sendTo(socket, plane.port, reset);
    return taken >= 1;
  });
  await worker.terminate();
  await until(
    'packets',
    () => plane.counters(0).counters.find((counter) => counter.name === 'control-packets').value > 200,
  );
});
