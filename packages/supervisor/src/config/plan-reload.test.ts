import { describe, expect, test } from '@jest/globals';
import { NO_LIMITS } from '@shardvpn/core';
import { planReload, refuse } from './plan-reload.js';
import type { ServerConfig } from './server-config.js';

const NETWORK = { network: '10.8.0.0', netmask: '255.255.255.0', bits: 24, server: '10.8.0.1' };
const poolTo = (last: string) => ({ ...NETWORK, pool: { first: '10.8.0.2', last } });
const poolOf = (size: number) => ({ network: 'fd00::', bits: 64, server: 'fd00::1', pool: { first: 'fd00::2', size } });

const written = (): ServerConfig => ({
  source: 's.conf',
  listeners: [{ family: 4, host: '0.0.0.0', port: 1194, optional: false }],
  workers: 2,
  device: 'tun',
  tunMtu: 1500,
  mssfix: 1492,
  mssfixOf: 'outer',
  layers: { framing: 'none', compresses: false, allow: 'no', migrate: false, fragment: null },
  ipv4: poolTo('10.8.0.20'),
  ipv6: poolOf(20),
  poolPersist: null,
  routes: [],
  push: ['route-gateway 10.8.0.1', 'ping 10'],
  clientToClient: false,
  duplicateCn: false,
  maxClients: 10,
  pingInterval: 10,
  pingTimeout: 120,
  connectFreq: null,
  dataLimits: NO_LIMITS,
  sessionTimeout: 0,
  replayWindow: null,
  tlsTimeout: 2,
  maxPacketSize: 1250,
  socket: { mark: 0, device: null, mtuDiscovery: null },
  multihome: null,
  passtos: false,
  tls: {
    ca: 'ca',
    cert: 'cert',
    key: 'key',
    crl: null,
    minVersion: 'TLSv1.2',
    maxVersion: null,
    cipherList: null,
    cipherSuites: null,
    groups: null,
    remoteCertTls: null,
    clientCertificate: 'require',
  },
  crlFile: null,
  wrap: { type: 'tls-crypt', key: Uint8Array.of(1) },
  tlsCryptV2: null,
  tlsCryptV2Verify: null,
  tmpDir: '/tmp',
  dataCiphers: ['AES-256-GCM'],
  fallbackCipher: null,
  cipher: 'AES-256-GCM',
  auth: 'SHA1',
  renegSec: 3600,
  handWindow: 60,
  tranWindow: 3600,
  explicitExitNotify: 1,
  connectFreqInitial: { count: 100, seconds: 10 },
  sndbuf: 0,
  rcvbuf: 0,
  tcpQueueLimit: 64,
  portShare: null,
  proxyProtocol: [],
  status: null,
  verb: 3,
  log: null,
  writepid: null,
  user: null,
  group: null,
  adminHttp: null,
});
const BEFORE = written();

const plan = (change: Partial<ServerConfig>) => planReload(BEFORE, { ...BEFORE, ...change });
const refused = (change: Partial<ServerConfig>) => plan(change).refused.map(({ directive }) => directive);

describe('a configuration that is read again', () => {
  test('nothing changes where it means the same, whoever read it', () => {
    expect(planReload(BEFORE, written())).toEqual({ live: [], refused: [], config: BEFORE });
  });

  test.each<[Partial<ServerConfig>, string[]]>([
    [{ push: ['dns'] }, ['push']],
    [{ pingInterval: 5, pingTimeout: 60, push: [] }, ['push', 'keepalive/ping', 'keepalive/ping-restart']],
    [{ tls: { ...BEFORE.tls, cert: 'new', key: 'new' } }, ['cert', 'key']],
    [{ tls: { ...BEFORE.tls, crl: 'crl' }, crlFile: '/crl' }, ['crl-verify']],
    [{ maxClients: 2000, duplicateCn: true, verb: 4 }, ['duplicate-cn', 'max-clients', 'verb']],
    [{ dataCiphers: ['AES-128-GCM'], renegSec: 60 }, ['data-ciphers', 'reneg-sec']],
    [{ ipv4: poolTo('10.8.0.30'), ipv6: poolOf(30) }, ['server/ifconfig-pool', 'server-ipv6/ifconfig-ipv6-pool']],
    [{ listeners: [] }, ['port/proto/local/bind']],
    [{ source: 'other name' }, []],
  ])('%j is taken over', (change, directives) => {
    const { live, refused: none, config } = plan(change);
    expect({ live, none }).toEqual({ live: directives, none: [] });
    expect(config).toEqual({ ...BEFORE, ...change });
  });

  test.each<[Partial<ServerConfig>, string[]]>([
    [{ workers: null, tunMtu: 1400, sndbuf: 1 }, ['workers', 'tun-mtu', 'sndbuf']],
    [{ mssfix: 1400, mssfixOf: 'datagram' }, ['mssfix']],
    [{ wrap: { type: 'tls-crypt', key: Uint8Array.of(2) } }, ['tls-auth/tls-crypt/key-direction']],
    [{ ipv4: poolTo('10.8.0.19') }, ['server/ifconfig-pool']],
    [{ ipv4: { ...poolTo('10.8.0.30'), pool: { first: '10.8.0.3', last: '10.8.0.30' } } }, ['server/ifconfig-pool']],
    [{ ipv4: null }, ['server/ifconfig-pool']],
    [{ ipv6: poolOf(19) }, ['server-ipv6/ifconfig-ipv6-pool']],
    [{ adminHttp: { host: '::1', port: 1, token: null } }, ['admin-http']],
  ])('%j needs a restart and stays', (change, directives) => {
    expect(refused(change)).toEqual(directives);
    expect(plan(change)).toMatchObject({ live: [], config: BEFORE });
  });

  test('what the system refuses stays as well', () => {
    const wanted = plan({ listeners: [], maxClients: 20 });
    expect(refuse(wanted, BEFORE, 'listeners', 'no')).toEqual({
      live: ['max-clients'],
      refused: [{ directive: 'port/proto/local/bind', reason: 'no' }],
      config: { ...BEFORE, maxClients: 20 },
    });
  });

  test('what is derived from a setting that stays, stays: clients and server would disagree', () => {
    const moved = { ...poolTo('10.9.0.20'), server: '10.9.0.1' };
    const {
      live,
      refused: stays,
      config,
    } = plan({
      ipv4: moved,
      push: ['route-gateway 10.9.0.1', 'ping 1'],
      pingInterval: 1,
      pingTimeout: 4,
      verb: 4,
    });
    expect(stays.map(({ directive }) => directive)).toEqual([
      'server/ifconfig-pool',
      'push',
      'keepalive/ping',
      'keepalive/ping-restart',
    ]);
    expect(live).toEqual(['verb']);
    expect(config).toEqual({ ...BEFORE, verb: 4 });
    const wrap = { type: 'tls-auth', key: Uint8Array.of(1), direction: 0, digest: 'sha256' } as const;
    expect(refused({ wrap, auth: 'SHA256' })).toEqual(['tls-auth/tls-crypt/key-direction', 'auth']);
    expect(plan({ auth: 'SHA256' }).live).toEqual(['auth']);
  });
});
