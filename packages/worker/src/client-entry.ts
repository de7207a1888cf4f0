import { parentPort, workerData } from 'node:worker_threads';
import { Client, VpnError } from '@shardvpn/core';
import { attachWorker, wakeShard } from '@shardvpn/native';
import type { ClientStart, FromClient, ToClient } from './client-messages.js';
import { ClientShard } from './client-shard.js';
import { nodeCrypto } from './node-crypto.js';
import { NodeTlsEngine } from './tls/node-tls-engine.js';

/** A client's plane has one shard. */
const SHARD = 0;

/** The thread of one connection. An unknown fault ends it, and the supervisor connects again. */
function runClient(port: NonNullable<typeof parentPort>, start: ClientStart): void {
  const tls = new NodeTlsEngine(start.tls);
  const now = (): number => performance.now();
  const shard = new ClientShard(start, {
    createClient: (onTlsProgress) =>
      new Client(start.client, { crypto: nodeCrypto, tls, onTlsProgress }, now(), Math.floor(Date.now() / 1000)),
    now,
    post: (message: FromClient) => port.postMessage(message),
    wakeDataThread: () => wakeShard(start.plane, SHARD),
  });
  attachWorker(start.plane, SHARD, () => shard.wake());
  port.on('message', (message: ToClient) => shard.handleMessage(message));
}

if (parentPort === null) throw new VpnError('api-misuse/not-a-worker', 'this is the entry of a worker thread');
runClient(parentPort, workerData as ClientStart);
