import { parentPort, workerData } from 'node:worker_threads';
import { VpnError } from '@shardvpn/core';
import { createRing } from '@shardvpn/ring';
import { DriveLoop, NodeTlsEngine, nodeCrypto } from '@shardvpn/worker';
import { Fleet, type FleetEvent } from './fleet.js';
import { loadNative } from './load-native.js';
import { NewsDesk } from './news-desk.js';
import { Starter } from './starter.js';
import type { FromThread, ThreadStart, ToThread } from './thread-messages.js';

/** Room for the handshakes of a second. */
const RING_BYTES = 1 << 22;
/** Often enough for an even rate. */
const START_MS = 10;
const NEWS_MS = 200;
/** For the data thread to take the last goodbyes from the ring; it takes all that are there before it ends. */
const GOODBYE_MS = 50;

type Port = NonNullable<typeof parentPort>;

function runThread(port: Port, start: ThreadStart): void {
  const native = loadNative();
  const post = (message: FromThread): void => port.postMessage(message);
  const [toData, toWorker] = [createRing(RING_BYTES), createRing(RING_BYTES)];
  const { host, port: remotePort } = start.client.remote;
  const load = native.openLoad({
    ...{ host, port: remotePort, clients: start.clients },
    toData: new Uint8Array(toData),
    toWorker: new Uint8Array(toWorker),
  });
  const starter = new Starter(start.pace, start.clients, () => performance.now());
  const desk = new NewsDesk(load, starter);
  const tls = new NodeTlsEngine(start.tls);
  const unixNow = (): number => Math.floor(Date.now() / 1000);
  const ports = { now: () => performance.now(), wakeDataThread: () => native.wakeLoad(load) };
  const loop = new DriveLoop<FleetEvent, Fleet>({ toData, toWorker }, ports, {
    create: (onTlsProgress) => new Fleet({ client: start.client, crypto: nodeCrypto, tls, unixNow, onTlsProgress }),
    handleEvent: (event) => desk.handleEvent(event),
    handleDrained: () => undefined,
  });
  native.attachLoad(load, () => loop.wake());
  const startDue = (): void => {
    const numbers = starter.takeDue();
    if (numbers.length === 0) return;
    loop.handle((now) => {
      for (const number of numbers) loop.protocol.start(now, number);
    });
  };
  const timers = [setInterval(() => post(desk.news()), NEWS_MS)];
  port.on('message', (message: ToThread) => {
    if (message.type === 'start') {
      starter.begin();
      timers.push(setInterval(startDue, START_MS));
      return;
    }
    for (const timer of timers) clearInterval(timer);
    loop.handle(() => loop.protocol.leave());
    setTimeout(() => {
      loop.close();
      native.closeLoad(load);
      post(desk.news());
      post({ type: 'left' });
      port.close();
    }, GOODBYE_MS);
  });
  post({ type: 'ready' });
}

if (parentPort === null) throw new VpnError('api-misuse/not-a-worker', 'this is the entry of a worker thread');
runThread(parentPort, workerData as ThreadStart);
