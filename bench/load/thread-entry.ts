import { parentPort, workerData } from 'node:worker_threads';
import { VpnError } from '@shardvpn/core';
import { NodeTlsEngine, nodeCrypto } from '@shardvpn/worker';
import { loadNative } from './load-native.js';
import { LoadThread } from './load-thread.js';
import type { FromThread, ThreadStart, ToThread } from './thread-messages.js';

function runThread(port: NonNullable<typeof parentPort>, start: ThreadStart): void {
  const thread = new LoadThread(start, {
    native: loadNative(),
    tls: new NodeTlsEngine(start.tls),
    crypto: nodeCrypto,
    post: (message: FromThread) => {
      port.postMessage(message);
      if (message.type === 'left') port.close();
    },
  });
  port.on('message', (message: ToThread) => thread.handleMessage(message));
}

if (parentPort === null) throw new VpnError('api-misuse/not-a-worker', 'this is the entry of a worker thread');
runThread(parentPort, workerData as ThreadStart);
