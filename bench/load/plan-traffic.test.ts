import { expect, test } from '@jest/globals';
import { planTraffic } from './plan-traffic.js';
import type { ConnectedClient } from './thread-messages.js';

const client = (peerId: number, ipv4: string | null): ConnectedClient => ({
  load: 1,
  peerId,
  ipv4,
  milliseconds: 1,
  at: 0,
});
const A = 0x0a080002;
const THREE = [client(5, '10.8.0.2'), client(6, '10.8.0.3'), client(7, null), client(8, '10.8.0.4')];

test('clients send in pairs, the last one to the first, and those without an address not at all', () => {
  const plan = planTraffic({ send: { type: 'paced', pps: 3 }, size: 100, to: null }, THREE);
  expect(plan).toMatchObject({ pace: 3, payload: 100, echoPort: null });
  const flows = [1, 5, A, A + 1, 1, 6, A + 1, A, 1, 8, A + 2, A];
  expect([...(plan?.flows ?? [])]).toEqual(flows);
});

test('with an echo all send there', () => {
  const to = { host: '192.168.255.1', port: 7000 };
  const plan = planTraffic({ send: { type: 'saturate', window: null }, size: 64, to }, THREE.slice(0, 1));
  expect(plan).toMatchObject({ pace: null, window: 256, echoPort: 7000 });
  expect([...(plan?.flows ?? [])]).toEqual([1, 5, A, 0xc0a8ff01]);
});

test('a flood has neither pace nor window', () => {
  const to = { host: '10.8.0.1', port: 7000 };
  expect(planTraffic({ send: { type: 'flood' }, size: 64, to }, THREE)).toMatchObject({ pace: null, window: null });
});

test('the window shrinks with the number of clients and never closes', () => {
  const crowd = Array.from({ length: 10_000 }, (_, n) => client(n, '10.8.0.2'));
  const window = (clients: readonly ConnectedClient[]) =>
    planTraffic({ send: { type: 'saturate', window: null }, size: 64, to: null }, clients)?.window;
  expect([window(crowd.slice(0, 100)), window(crowd)]).toEqual([20, 1]);
});

test('nothing is planned where nothing can be sent', () => {
  expect(planTraffic({ send: { type: 'none' }, size: 64, to: null }, THREE)).toBeNull();
  expect(planTraffic({ send: { type: 'paced', pps: 1 }, size: 64, to: null }, THREE.slice(1, 3))).toBeNull();
});
