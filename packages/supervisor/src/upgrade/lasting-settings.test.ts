import { describe, expect, test } from '@jest/globals';
import type { ServerConfig } from '../config/server-config.js';
import { changedSettings, digestSettings } from './lasting-settings.js';

const NET = { network: '10.8.0.0', netmask: '255.255.255.0', bits: 24, server: '10.8.0.1' };
const CONFIG = {
  listeners: [{ family: 4, host: '0.0.0.0', port: 1194, optional: false }],
  device: 'tun0',
  tunMtu: 1500,
  ipv4: { ...NET, pool: { first: '10.8.0.2', last: '10.8.0.254' } },
  ipv6: null,
  routes: [],
  wrap: { type: 'none' },
  socket: { mark: 0, device: null, mtuDiscovery: null },
  multihome: null,
  verb: 3,
} as unknown as ServerConfig;

describe('settings that last', () => {
  test('may be written in another order, and everything else may change', () => {
    const [listener] = CONFIG.listeners;
    const { family, host, port, optional } = listener as ServerConfig['listeners'][number];
    const other = { ...CONFIG, verb: 4, listeners: [{ port, optional, host, family }] };
    expect(changedSettings(other, digestSettings(CONFIG))).toEqual([]);
  });

  test.each<[Partial<ServerConfig>, string]>([
    [{ listeners: [{ family: 4, host: '0.0.0.0', port: 1195, optional: false }] }, 'port/proto/local/bind'],
    [{ device: 'tun1' }, 'dev'],
    [{ ipv4: null }, 'server/ifconfig-pool'],
    [{ routes: [{ destination: '10.9.0.0/24', via: null, metric: null }] }, 'route/route-ipv6'],
    [{ multihome: { sameInterface: false } }, 'multihome'],
    [{ socket: { mark: 1, device: null, mtuDiscovery: null } }, 'mark/bind-dev/mtu-disc'],
  ])('are named when they differ: %o', (change, directive) => {
    expect(changedSettings({ ...CONFIG, ...change }, digestSettings(CONFIG))).toEqual([directive]);
  });

  test('are compared without saying any key', () => {
    const key = new Uint8Array(256).fill(0x41);
    const secret = { ...CONFIG, wrap: { type: 'tls-crypt', key } } as unknown as ServerConfig;
    const digests = digestSettings(secret);
    expect(JSON.stringify(digests)).not.toContain('41414141');
    expect(changedSettings(CONFIG, digests)).toEqual(['tls-auth/tls-crypt/key-direction']);
    const another = { ...secret, wrap: { type: 'tls-crypt', key: key.fill(0x42) } } as unknown as ServerConfig;
    expect(changedSettings(another, digests)).toEqual(['tls-auth/tls-crypt/key-direction']);
  });

  test('one that the other process does not know counts as changed', () => {
    const { wrap: _, ...older } = digestSettings(CONFIG);
    expect(changedSettings(CONFIG, older)).toEqual(['tls-auth/tls-crypt/key-direction']);
  });
});
