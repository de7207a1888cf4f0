import { expect, test } from '@jest/globals';
import type { Log } from '../log.js';
import type { RouteNative } from './client-native.js';
import type { TunnelPlan } from './planned.js';
import { Tunnel } from './tunnel.js';

const LOG: Log = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };
const PLAN: TunnelPlan = {
  mtu: 1500,
  addresses: [{ address: '10.8.0.2/24', peer: null }],
  routes: [
    { destination: '198.51.100.1/32', via: '192.0.2.254', metric: null, device: 'eth0' },
    { destination: '0.0.0.0/1', via: null, metric: null, device: null },
  ],
  remarks: [],
};

/** Calls of the system in short; `refuses` names those that fail. */
const open = (refuses: readonly string[] = []) => {
  const calls: string[] = [];
  const call = (text: string): void => {
    if (refuses.includes(text)) throw Object.assign(new Error(`cannot ${text}`), { code: 'EEXIST' });
    calls.push(text);
  };
  const native: RouteNative = {
    setMtu: (device, mtu) => call(`mtu ${device} ${mtu}`),
    addAddress: (device, { address }) => call(`+ ${device} ${address}`),
    removeAddress: (device, { address }) => call(`- ${device} ${address}`),
    addRoute: (device, { destination }) => call(`+ ${device} ${destination}`),
    removeRoute: (device, { destination }) => call(`- ${device} ${destination}`),
    findWay: () => ({ device: 'eth0', via: null }),
  };
  return { tunnel: new Tunnel(native, 'tun0', 1500, LOG), take: () => calls.splice(0) };
};

test('what has been set is taken away in reverse', () => {
  const { tunnel, take } = open();
  tunnel.apply(PLAN);
  expect(take()).toEqual(['+ tun0 10.8.0.2/24', '+ eth0 198.51.100.1/32', '+ tun0 0.0.0.0/1']);
  tunnel.clear();
  expect(take()).toEqual(['- tun0 0.0.0.0/1', '- eth0 198.51.100.1/32', '- tun0 10.8.0.2/24']);
  tunnel.clear();
  expect(take()).toEqual([]);
});

test('the same plan again changes nothing, another one only what differs', () => {
  const { tunnel, take } = open();
  tunnel.apply(PLAN);
  take();
  tunnel.apply(PLAN);
  expect(take()).toEqual([]);
  tunnel.apply({ ...PLAN, mtu: 1400, routes: PLAN.routes.slice(0, 1) });
  expect(take()).toEqual(['mtu tun0 1400', '- tun0 0.0.0.0/1']);
});

test('a new address takes the routes along', () => {
  const { tunnel, take } = open();
  tunnel.apply(PLAN);
  take();
  tunnel.apply({ ...PLAN, addresses: [{ address: '10.8.0.9/24', peer: null }] });
  expect(take().slice(-3)).toEqual(['+ tun0 10.8.0.9/24', '+ eth0 198.51.100.1/32', '+ tun0 0.0.0.0/1']);
});

test('a route that was there before is not ours to remove, and a refused address is an error', () => {
  const { tunnel, take } = open(['+ eth0 198.51.100.1/32']);
  tunnel.apply(PLAN);
  tunnel.clear();
  expect(take()).not.toContain('- eth0 198.51.100.1/32');
  expect(() => open(['+ tun0 10.8.0.2/24']).tunnel.apply(PLAN)).toThrow('cannot set up tun0');
});

test('what a device has lost is set again, and what it has kept stays', () => {
  const { tunnel, take } = open();
  tunnel.apply(PLAN);
  take();
  tunnel.restore();
  expect(take()).toEqual(['+ tun0 10.8.0.2/24', '+ eth0 198.51.100.1/32', '+ tun0 0.0.0.0/1']);
  const refusing: string[] = [];
  const other = open(refusing);
  other.tunnel.apply(PLAN);
  other.take();
  refusing.push('+ eth0 198.51.100.1/32');
  other.tunnel.restore();
  expect(other.take()).toEqual(['+ tun0 10.8.0.2/24', '+ tun0 0.0.0.0/1']);
});
