import { describe, expect, test } from '@jest/globals';
import type { PushUpdate } from '@shardvpn/core';
import { freezeWorld } from './frozen-world.js';
import { Pair, SERVER_OPTIONS } from './pair.js';
import type { SimClient } from './sim-client.js';

freezeWorld();

const push = (pair: Pair, client: SimClient, options: readonly string[], addresses: PushUpdate['addresses'] = null) => {
  let problem: string | null = null;
  pair.server.run(() => {
    problem = pair.server.core.pushUpdate(pair.loop.now, client.peerId, { options, addresses });
  });
  return problem;
};
const updates = (client: SimClient) => client.events.flatMap((event) => (event.type === 'updated' ? [event] : []));

describe('push update', () => {
  test('takes the place of the options of its types, and of no others', () => {
    const pair = new Pair({ server: { push: ['route 10.9.0.0 255.255.0.0', 'dhcp-option DNS 10.8.0.1', 'ping 10'] } });
    const client = pair.connect({ generation: '2.7' });
    const update = ['route 10.10.0.0 255.255.0.0', 'route 10.11.0.0 255.255.0.0', '-dhcp-option', '?keepalive 5 20'];
    expect(push(pair, client, update)).toBeNull();
    pair.drive(() => updates(client).length === 1, 5000);
    const [event] = updates(client);
    expect(event?.update).toEqual(update);
    expect(event?.options.all.filter((option) => /^(route|dhcp|ping)/.test(option))).toEqual([
      'route 10.10.0.0 255.255.0.0',
      'route 10.11.0.0 255.255.0.0',
      'ping 5',
      'ping-restart 20',
    ]);
    expect(event?.options.ifconfig).toEqual(client.connected?.options.ifconfig);
  });

  test('comes in parts when it is long, and waits for a renegotiation that is under way', () => {
    const pair = new Pair({ server: { renegSec: 50 } });
    const client = pair.connect({ generation: '2.7' });
    pair.run(2000);
    const routes = Array.from({ length: 120 }, (_, i) => `route 10.${i}.0.0 255.255.0.0`);
    pair.server.run(() =>
      pair.server.core.handleDataEvent(pair.loop.now, { type: 'key-limit', peerId: client.peerId, keyId: 0 as never }),
    );
    expect(push(pair, client, routes)).toBeNull();
    pair.drive(() => updates(client).length === 1, 20_000);
    expect(updates(client)[0]?.update).toEqual(routes);
    expect(client.renegotiations).toBe(1);
  });

  test('of keepalive holds for both ends, and nothing else changes the times of a client', () => {
    const pair = new Pair();
    const [lazy, moved] = [pair.connect({ generation: '2.7' }), pair.connect({ generation: '2.7' })];
    expect(push(pair, lazy, ['keepalive 150 600'])).toBeNull();
    pair.server.run(() =>
      pair.server.core.reconfigure(pair.loop.now, { ...SERVER_OPTIONS, pingInterval: 1, pingTimeout: 4 }),
    );
    const ipv4 = { address: '10.8.0.77', netmask: '255.255.255.0' };
    for (const client of [lazy, moved])
      expect(push(pair, client, ['ifconfig 10.8.0.77 255.255.255.0'], { ipv4, ipv6: null })).toBeNull();
    pair.run(500_000);
    expect([lazy, moved].map(({ ended }) => ended)).toEqual([undefined, undefined]);
    expect(pair.server.of('disconnected')).toEqual([]);
  });

  test('moves the addresses of both data threads, and survives the worker', () => {
    const pair = new Pair();
    const client = pair.connect({ generation: '2.7' });
    const ipv4 = { address: '10.8.0.77', netmask: '255.255.255.0' };
    expect(push(pair, client, ['ifconfig 10.8.0.77 255.255.255.0'], { ipv4, ipv6: null })).toBeNull();
    pair.drive(() => updates(client).length === 1, 5000);
    const inner = () => [pair.server.data, client.data].map((data) => data.innerOf(client.peerId)[0]);
    expect(inner()).toEqual(['10.8.0.77', '10.8.0.77']);
    pair.server.crash(100);
    pair.drive(() => pair.server.of('restored').length === 1);
    expect(pair.server.of('restored')[0]?.client.lease.ipv4).toEqual(ipv4);
    pair.drive(() => client.renegotiations === 1);
    expect(client.isConnected).toBe(true);
    expect(push(pair, client, ['route-metric 5'])).toBeNull();
    pair.drive(() => updates(client).length === 2, 20_000);
    expect(updates(client)[1]?.options.ifconfig?.address).toBe('10.8.0.77');
    expect(pair.faults()).toEqual([]);
  });

  test('is not sent to clients that would not understand it, nor with what they could not take', () => {
    const pair = new Pair();
    const old = pair.connect();
    expect(push(pair, old, ['route 10.9.0.0 255.255.0.0'])).toMatch(/does not understand/);
    const client = pair.connect({ generation: '2.7' });
    expect(push(pair, client, ['cipher AES-128-GCM'])).toMatch(/needs a new connection/);
    expect(push(pair, client, ['route 10.9.0.0,route 10.10.0.0'])).toMatch(/neither commas/);
    expect(push(pair, client, [])).toBe('there is nothing to push');
    pair.run(5000);
    expect(updates(client)).toEqual([]);
  });
});

describe('notices', () => {
  test.each([
    [{ type: 'halt', text: 'go home' } as const, { reason: 'halt', detail: 'go home', nextServer: false }],
    [
      { type: 'restart', keepCredentials: false, nextServer: true, text: 'maintenance' } as const,
      { reason: 'restart', detail: 'maintenance', nextServer: true },
    ],
    [
      { type: 'restart', keepCredentials: true, nextServer: false, text: 'new rules' } as const,
      { reason: 'restart', detail: 'new rules', nextServer: false },
    ],
    [
      { type: 'restart', keepCredentials: false, nextServer: false, text: '' } as const,
      { reason: 'restart', detail: '', nextServer: false },
    ],
  ])('%j', (notice, expected) => {
    const pair = new Pair();
    const client = pair.connect();
    pair.server.run(() => pair.server.core.disconnect(pair.loop.now, client.peerId, 'kicked', 'kicked', notice));
    pair.drive(() => client.ended !== undefined, 10_000);
    expect(client.ended).toMatchObject(expected);
    expect(pair.server.ended('kicked')).toHaveLength(1);
  });

  test('a line to show', () => {
    const pair = new Pair();
    const client = pair.connect();
    pair.server.run(() => pair.server.core.sendInfo(pair.loop.now, client.peerId, 'maintenance at noon'));
    pair.run(1000);
    expect(client.events).toContainEqual({ type: 'info', text: 'maintenance at noon' });
  });
});
