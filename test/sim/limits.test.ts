import { describe, expect, test } from '@jest/globals';
import { NO_LIMITS, type WrapOptions } from '@shardvpn/core';
import { freezeWorld } from './frozen-world.js';
import { Pair } from './pair.js';
import type { SimClient } from './sim-client.js';

freezeWorld();

const crypt: WrapOptions = { type: 'tls-crypt', key: Uint8Array.from({ length: 256 }, (_, i) => i) };
const inactive = (seconds: number, bytes = 0) => ({ ...NO_LIMITS, inactive: { seconds, bytes } });

describe('session-timeout', () => {
  test('of the server ends a busy client, which is told', () => {
    const pair = new Pair({ server: { sessionTimeout: 600 } });
    const client = pair.connect();
    const start = pair.loop.now;
    busyUntilEnd(pair, client);
    expect(pair.loop.now - start).toBeGreaterThanOrEqual(600_000);
    expect(pair.loop.now - start).toBeLessThan(602_000);
    expect(pair.server.ended('session-timeout')).toHaveLength(1);
    expect(client.ended).toMatchObject({ reason: 'restart' });
    expect(pair.server.data.peers).toEqual([]);
  });

  test('goes on counting in the worker that takes over', () => {
    const pair = new Pair({ server: { sessionTimeout: 600 } });
    const client = pair.connect();
    const start = pair.loop.now;
    pair.run(300_000);
    pair.server.crash(100);
    busyUntilEnd(pair, client);
    expect(pair.loop.now - start).toBeGreaterThanOrEqual(600_000);
    expect(pair.loop.now - start).toBeLessThan(602_000);
  });

  test.each([
    ['configured', {}, { sessionTimeout: 60 }],
    ['pushed', { push: ['ping 10', 'session-timeout 60'] }, { sessionTimeout: 900 }],
  ])('%s at the client ends that, and the server hears of it', (_, server, own) => {
    const pair = new Pair({ server });
    const client = pair.connect({ client: own });
    const start = pair.loop.now;
    busyUntilEnd(pair, client);
    expect(client.ended).toMatchObject({ reason: 'session-timeout' });
    expect(pair.loop.now - start).toBeLessThan(62_000);
    pair.run(1000);
    expect(pair.server.ended('exit-notify')).toHaveLength(1);
  });
});

describe('inactive', () => {
  test('of the server ends a client that only pings, and tells it to keep its credentials', () => {
    const pair = new Pair({ server: { dataLimits: inactive(90) } });
    const client = pair.connect();
    pair.drive(() => client.ended !== undefined, 200_000);
    expect(pair.server.ended('inactive')).toHaveLength(1);
    expect(client.ended).toMatchObject({ reason: 'restart' });
  });

  test('leaves a client alone that has enough traffic', () => {
    const pair = new Pair({ server: { dataLimits: inactive(60, 250) } });
    const [busy, lazy] = [pair.connect(), pair.connect()];
    for (let minute = 0; minute < 5; minute++) {
      for (let packet = 0; packet < 3; packet++) busy.data.traffic();
      lazy.data.traffic();
      pair.run(50_000);
    }
    expect(busy.ended).toBeUndefined();
    expect(lazy.ended).toMatchObject({ reason: 'restart' });
  });

  test('pushed ends the client itself', () => {
    const pair = new Pair({ server: { push: ['ping 10', 'inactive 120 100'] } });
    const client = pair.connect({ client: { dataLimits: inactive(1) } });
    const start = pair.loop.now;
    pair.drive(() => client.ended !== undefined, 300_000);
    expect(client.ended).toMatchObject({ reason: 'inactive' });
    expect(pair.loop.now - start).toBeGreaterThanOrEqual(119_000);
    pair.run(1000);
    expect(pair.server.ended('exit-notify')).toHaveLength(1);
  });
});

describe('ping-exit', () => {
  test.each([
    ['the later one of two that are pushed', ['ping 10', 'ping-restart 60', 'ping-exit 30'], {}, 'ping-exit'],
    ['ping-restart when that is the later one', ['ping-exit 30', 'ping-restart 60'], {}, 'ping-restart'],
    ['its own when nothing is pushed', [], { pingTimeout: 30, pingExits: true }, 'ping-exit'],
    ['what is pushed and not its own', ['ping-restart 60'], { pingTimeout: 30, pingExits: true }, 'ping-restart'],
  ])('a client obeys %s', (_, push, own, reason) => {
    const pair = new Pair({ server: { push, pingInterval: 0 } });
    const client = pair.connect({ client: own });
    pair.network.conditions = { ...pair.network.conditions, loss: 1 };
    pair.drive(() => client.ended !== undefined, 300_000);
    expect(client.ended).toMatchObject({ reason });
  });
});

describe('renegotiation by packets', () => {
  test.each(['server', 'client'] as const)('asked for by the %s, without a packet lost', (side) => {
    const limits = { dataLimits: { ...NO_LIMITS, renegPackets: 300 } };
    const pair = new Pair({ server: { wrap: crypt, renegSec: 0, ...(side === 'server' && limits) } });
    const client = pair.connect({ client: side === 'client' ? limits : {} });
    for (let i = 0; i < 6000; i++) {
      client.data.traffic();
      pair.server.data.traffic();
      pair.run(100);
    }
    expect(client.renegotiations).toBeGreaterThanOrEqual(4);
    expect(pair.faults()).toEqual([]);
    expect(pair.unknownKeys).toBe(0);
  });
});

test('connect-freq: so many new clients in a period, behind their cookies', () => {
  const pair = new Pair({ server: { connectFreq: { count: 2, seconds: 10 } } });
  const clients = [pair.join(), pair.join(), pair.join(), pair.join(), pair.join()];
  pair.run(8_000);
  expect(clients.filter(({ isConnected }) => isConnected)).toHaveLength(2);
  expect(pair.server.core.drops['connect-freq']).toBeGreaterThanOrEqual(3);
  expect(pair.server.core.handshakes).toBe(0);
  pair.drive(() => clients.every(({ isConnected }) => isConnected), 50_000);
  expect(clients.every(({ isConnected }) => isConnected)).toBe(true);
});

test('tls-timeout: when a packet that was lost comes again, and then twice as late', () => {
  const pair = new Pair({ network: { loss: 1 } });
  pair.join({ client: { tlsTimeout: 5 } });
  const times = [pair.loop.now];
  let seen = pair.network.capture.length;
  for (let at = 0; at < 40_000; at += 500) {
    pair.run(500);
    if (pair.network.capture.length > seen) times.push(pair.loop.now);
    seen = pair.network.capture.length;
  }
  const gaps = times.slice(1).map((at, i) => Math.round((at - (times[i] ?? 0)) / 1000));
  expect(gaps).toEqual([5, 10, 20]);
});

test('max-packet-size: no control packet is larger, and the handshake is cut finer', () => {
  for (const maxPacketSize of [154, 300]) {
    const pair = new Pair({ server: { maxPacketSize, wrap: crypt }, network: { mtu: maxPacketSize } });
    pair.connect({ client: { maxPacketSize } });
    const largest = Math.max(...pair.network.capture.map(({ bytes }) => bytes.length));
    expect(largest).toBe(maxPacketSize - 28);
  }
});

/** A packet each second both ways, until the client's end. */
const busyUntilEnd = (pair: Pair, client: SimClient): void => {
  for (let second = 0; second < 2000 && client.ended === undefined; second++) {
    client.data.traffic();
    pair.server.data.traffic();
    pair.run(1000);
  }
};
