import { deepStrictEqual } from 'node:assert';
import type { WrapOptions } from '@shardvpn/core';
import { Pair } from '../../sim/pair.js';
import { ByteSource } from '../byte-source.js';

const key = Uint8Array.from({ length: 256 }, (_, i) => (i * 11 + 5) & 255);
const WRAPS: readonly WrapOptions[] = [
  { type: 'none' },
  { type: 'tls-auth', key, direction: 1, digest: 'sha1' },
  { type: 'tls-crypt', key },
];
const MOST_STEPS = 40;
/** Milliseconds of simulated time. */
const MOST_TIME = 100_000;

/** A server with clients, and everything that others can do to it. Whatever happens, nothing is left when all have gone. */
export const serverLife = (input: Uint8Array): void => {
  const source = new ByteSource(input);
  const wrap = WRAPS[source.u8() % WRAPS.length] as WrapOptions;
  const [seed, form] = [source.u8(), source.u8()];
  const pair = new Pair({
    seed,
    server: {
      wrap,
      handWindow: 30,
      renegSec: 60,
      pingInterval: 5,
      pingTimeout: 30,
      push: ['ping 5', 'ping-restart 20'],
    },
    tlsDelay: form % 2 === 0 ? null : 5,
    shortFlights: (form & 2) === 0,
  });
  pair.join({ client: { handWindow: 30 } });
  const end = pair.loop.now + MOST_TIME;
  for (let steps = 0; steps < MOST_STEPS && !source.isEmpty && pair.loop.now < end; steps++) {
    step(pair, source);
  }
  for (const client of pair.clients) client.kill();
  pair.run(100_000);
  deepStrictEqual(pair.faults(), []);
  const { core, leases, data } = pair.server;
  deepStrictEqual([core.handshakes, core.pollTimeout(), leases.size, data.peers], [0, undefined, 0, []]);
  deepStrictEqual(pair.serverTls.live, 0);
};

const step = (pair: Pair, source: ByteSource): void => {
  const [order, argument] = [source.u8(), source.u8()];
  const client = pair.clients[argument % pair.clients.length];
  const captured = pair.network.capture[(argument * 7) % Math.max(1, pair.network.capture.length)];
  if (client === undefined) return;
  const { now } = pair.loop;
  switch (order % 10) {
    case 0:
      pair.run(argument);
      break;
    case 1:
      pair.run(argument * 100);
      break;
    case 2:
      pair.server.handleDatagram(client.path, source.sized());
      break;
    case 3:
      pair.server.handleDatagram(pair.freshPath(), source.sized());
      break;
    case 4:
      if (captured) pair.server.handleDatagram(captured.path, changed(captured.bytes, source));
      break;
    case 5:
      pair.network.toClient(client.path, source.sized());
      break;
    case 6:
      client.rebind(pair.freshPath());
      break;
    case 7:
      client.run(() => client.core.renegotiate(now));
      break;
    case 8:
      if (captured) pair.network.toClient(client.path, changed(captured.bytes, source));
      break;
    default:
      rare(pair, argument);
  }
};

const rare = (pair: Pair, argument: number): void => {
  const [client] = pair.clients;
  if (argument % 4 === 0 && pair.clients.length < 3) pair.join({ client: { handWindow: 30 } });
  else if (argument % 4 === 1) pair.server.crash(argument);
  else if (argument % 4 === 2) client?.run(() => client.core.exit(pair.loop.now));
  else pair.network.conditions = { ...pair.network.conditions, loss: (argument % 40) / 100 };
};

/** One byte of it is another, or it is cut short. */
const changed = (bytes: Uint8Array, source: ByteSource): Uint8Array => {
  const [at, change] = [source.u16() % Math.max(1, bytes.length), source.u8()];
  const copy = bytes.slice(0, change === 255 ? at : bytes.length);
  if (at < copy.length) copy[at] = (copy[at] as number) ^ change;
  return copy;
};
