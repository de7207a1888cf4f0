import { describe, expect, test } from '@jest/globals';
import { planPushUpdate } from './plan-push-update.js';

const NETWORKS = {
  ipv4: { network: '10.8.0.0', netmask: '255.255.255.0', bits: 24, server: '10.8.0.1', pool: null },
  ipv6: { network: 'fd00::', bits: 64, server: 'fd00::1', pool: null },
};

describe('a push update', () => {
  test.each([
    'route 10.9.0.0',
    'route 10.9.0.0 255.255.0.0',
    'route 10.9.0.0 255.255.0.0 default 5',
    'route vpn_gateway 255.255.255.255',
    'route-ipv6 2001:db8::/32',
    'redirect-gateway def1 bypass-dhcp',
    'dhcp-option DNS 10.8.0.1',
    'dns server 1 address 10.8.0.1',
    'tun-mtu 1400',
    'topology subnet',
    'keepalive 10 60',
    'route-metric 5',
    'block-ipv6',
    '-route',
    '-?dns',
    '?block-outside-dns',
  ])('may say %s', (option) => {
    expect(planPushUpdate([option], NETWORKS)).toEqual({ options: [option], ipv4: null, ipv6: null });
  });

  test('gives addresses', () => {
    const options = ['ifconfig 10.8.0.77 255.255.255.0', '?ifconfig-ipv6 fd00::77/64 fd00::1'];
    expect(planPushUpdate(options, NETWORKS)).toEqual({
      options,
      ipv4: { address: '10.8.0.77', netmask: '255.255.255.0' },
      ipv6: { address: 'fd00::77', bits: 64, gateway: 'fd00::1' },
    });
  });

  test.each([
    ['', 'not empty'],
    ['route 10.9.0.0,route 10.10.0.0', 'neither commas'],
    ['?-route', "'-?name'"],
    ['cipher AES-256-GCM', 'needs a new connection'],
    ['-cipher', 'needs a new connection'],
    ['push-continuation 2', 'needs a new connection'],
    ['-route 10.9.0.0', 'has no arguments'],
    ['-ifconfig', 'give it another one'],
    ['route', 'write: route'],
    ['route 10.9.0.0 255.0.255.0', 'write: route'],
    ['route fd00:: 255.255.0.0', 'write: route'],
    ['route-ipv6 10.9.0.0/16', 'write: route-ipv6'],
    ['tun-mtu 99999', 'from 576'],
    ['keepalive 10', 'keepalive INTERVAL'],
    ['keepalive 10 5', 'keepalive INTERVAL'],
    ['-keepalive', 'other times'],
    ['topology mesh', 'subnet, net30'],
    ['dns', 'missing'],
    ['ifconfig 10.8.0.1 255.255.255.0', 'one of a client in 10.8.0.0/24'],
    ['ifconfig 10.8.0.0 255.255.255.0', 'one of a client'],
    ['ifconfig 10.8.0.255 255.255.255.0', 'one of a client'],
    ['ifconfig 10.9.0.5 255.255.255.0', 'one of a client'],
    ['ifconfig 10.8.0.5 255.255.0.0', 'the netmask of the network is 255.255.255.0'],
    ['ifconfig 10.8.0.5', 'write: ifconfig'],
    ['ifconfig-ipv6 fd00::1/64 fd00::1', 'one of a client'],
    ['ifconfig-ipv6 fd01::5/64 fd00::1', 'one of a client'],
    ['ifconfig-ipv6 fd00::5/64', 'write: ifconfig-ipv6'],
    [`dns ${'x'.repeat(260)}`, 'bytes'],
  ])('may not say %s', (option, fault) => {
    expect(() => planPushUpdate(['-route', option], NETWORKS)).toThrow(fault);
    expect(() => planPushUpdate(['-route', option], NETWORKS)).toThrow(
      expect.objectContaining({ code: 'config/push-update' }),
    );
  });

  test('names every option that is wrong, and wants one at least', () => {
    expect(() => planPushUpdate(['cipher x', '-dns', 'route'], NETWORKS)).toThrow(/^'cipher x': .*\n'route': .*$/);
    expect(() => planPushUpdate([], NETWORKS)).toThrow('no options');
    expect(() => planPushUpdate(['ifconfig 10.8.0.5 255.255.255.0'], { ...NETWORKS, ipv4: null })).toThrow('no IPv4');
  });
});
