import { describe, expect, test } from '@jest/globals';
import { planTunnel } from './tunnel-plan.js';

const AROUND = { tunMtu: 1500, server: '198.51.100.1', wayToServer: { device: 'eth0', via: '192.0.2.254' } };
const plan = (options: string[], around: Partial<Parameters<typeof planTunnel>[1]> = {}) =>
  planTunnel(options, { ...AROUND, ...around });
const tunnel = (destination: string, metric: number | null = null) => ({
  destination,
  via: null,
  metric,
  device: null,
});
const TO_SERVER = { destination: '198.51.100.1/32', via: '192.0.2.254', metric: null, device: 'eth0' };

describe('addresses', () => {
  test.each<[string[], object[]]>([
    [['topology subnet', 'ifconfig 10.8.0.2 255.255.255.0'], [{ address: '10.8.0.2/24', peer: null }]],
    [['ifconfig 10.8.0.2 255.255.255.0'], [{ address: '10.8.0.2/24', peer: null }]],
    [['topology net30', 'ifconfig 10.8.0.6 10.8.0.5'], [{ address: '10.8.0.6/32', peer: '10.8.0.5' }]],
    [['ifconfig 10.8.0.6 10.8.0.5'], [{ address: '10.8.0.6/32', peer: '10.8.0.5' }]],
    [['ifconfig-ipv6 fd00::2/64 fd00::1'], [{ address: 'fd00::2/64', peer: null }]],
    [[], []],
  ])('%j', (options, expected) => expect(plan(options).addresses).toEqual(expected));

  test.each([
    'ifconfig 10.8.0.2',
    'ifconfig x 255.0.0.0',
    'ifconfig-ipv6 fd00::2 fd00::1',
    'ifconfig-ipv6 10.0.0.1/24 x',
  ])('%s makes no sense', (option) =>
    expect(plan([option])).toMatchObject({ addresses: [], remarks: [`not understood: ${option}`] }),
  );

  test('a netmask with holes', () =>
    expect(plan(['topology subnet', 'ifconfig 10.8.0.2 255.0.255.0']).addresses).toEqual([]));
});

describe('routes', () => {
  test.each<[string, object]>([
    ['route 10.1.2.3 255.255.0.0', tunnel('10.1.0.0/16')],
    ['route 10.1.2.3', tunnel('10.1.2.3/32')],
    ['route 10.1.0.0 255.255.0.0 vpn_gateway 7', tunnel('10.1.0.0/16', 7)],
    ['route 10.1.0.0 255.255.0.0 10.8.0.1', tunnel('10.1.0.0/16')],
    ['route 10.1.0.0 255.255.0.0 net_gateway', { ...TO_SERVER, destination: '10.1.0.0/16' }],
    ['route remote_host 255.255.255.255 net_gateway', TO_SERVER],
    ['route-ipv6 fd01::1/32', tunnel('fd01::/32')],
  ])('%s', (option, expected) => expect(plan([option]).routes).toEqual([expected]));

  test.each([
    'route here 255.0.0.0',
    'route 10.0.0.0 255.0.255.0',
    'route-ipv6 10.0.0.0/8',
    'route 10.0.0.1 default fe80::1',
  ])('%s makes no sense', (option) =>
    expect(plan([option])).toMatchObject({ routes: [], remarks: [`not understood: ${option}`] }),
  );

  test('route-metric counts for those without their own', () =>
    expect(plan(['route 10.1.0.1', 'route 10.1.0.2 default default 3', 'route-metric 9']).routes).toEqual([
      tunnel('10.1.0.1/32', 9),
      tunnel('10.1.0.2/32', 3),
    ]));
});

describe('redirect-gateway', () => {
  const HALVES = [tunnel('0.0.0.0/1'), tunnel('128.0.0.0/1')];

  test('goes around the server', () => expect(plan(['redirect-gateway def1']).routes).toEqual([TO_SERVER, ...HALVES]));
  test('without def1 the default route stays, too', () =>
    expect(plan(['redirect-gateway']).routes).toEqual([TO_SERVER, ...HALVES]));
  test('local: the server is a neighbour', () => expect(plan(['redirect-gateway def1 local']).routes).toEqual(HALVES));
  test('ipv6 alone', () =>
    expect(
      plan(['redirect-gateway ipv6 !ipv4'])
        .routes.slice(1)
        .map(({ destination }) => destination),
    ).toEqual(['::/3', '2000::/4', '3000::/4', 'fc00::/7']));
  test('redirect-private only saves the way to the server', () =>
    expect(plan(['redirect-private def1']).routes).toEqual([TO_SERVER]));
  test('a server without a way is remarked', () =>
    expect(plan(['redirect-gateway def1'], { wayToServer: null })).toMatchObject({
      routes: HALVES,
      remarks: [expect.any(String)],
    }));
});

test('the pushed MTU wins where it is one', () => {
  expect(plan(['tun-mtu 1400']).mtu).toBe(1400);
  expect(plan(['tun-mtu 99999999']).mtu).toBe(1500);
});

test('DNS is left alone and said so', () =>
  expect(plan(['dhcp-option DNS 10.8.0.1']).remarks).toEqual(['left alone: dhcp-option DNS 10.8.0.1']));
