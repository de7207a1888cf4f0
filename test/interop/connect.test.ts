import { describe, expect } from '@jest/globals';
import type { Host, Running } from './lab/host.js';
import { iperf } from './lab/iperf.js';
import { type Lab, useLab } from './lab/lab.js';
import { OurClient } from './lab/our-client.js';
import { listens, type ServerKind, startServer } from './lab/server.js';
import { until, withinSeconds } from './lab/until.js';

const { scenario } = useLab();
const KINDS: readonly ServerKind[] = ['openvpn', 'shardvpn'];

/** Of both families at once: a socket of openvpn's takes IPv4 as well, ours has one for each. */
const BOTH = (kind: ServerKind): string => (kind === 'openvpn' ? 'proto udp6' : 'proto udp');
const INNER = 'server-ipv6 fd00:8::/64';

describe.each(KINDS)('shardvpn connect to a server of %s', (kind) => {
  for (const wrapping of ['none', 'tls-auth', 'tls-crypt', 'tls-crypt-v2'] as const) {
    scenario(`wrapping ${wrapping}, IPv4 and IPv6 outside and inside`, async (lab) => {
      await startServer(lab, { kind, wrapping, lines: [BOTH(kind), INNER] });
      const { ipv4, ipv6 } = lab.serverHost;
      for (const remote of [`${ipv4} 1194 udp4`, `${ipv6} 1194 udp6`]) {
        const client = await OurClient.connect(lab, 2, { wrapping, remotes: [remote] });
        expect(await client.reaches('10.8.0.1', 1372)).toBe(true);
        expect(await client.reaches('fd00:8::1', 1372)).toBe(true);
        expect(await client.process.stop()).toBe(0);
      }
    });
  }

  scenario('iperf3 both ways', async (lab) => {
    await startServer(lab, { kind });
    const client = await OurClient.connect(lab, 2);
    await listens(lab.serverHost.start('iperf3', ['iperf3', '-s']), 5201);
    for (const flags of [[], ['-R'], ['-P', '4']]) {
      const { sum_received } = await iperf(client.host, '10.8.0.1', ['-n', '16M', ...flags]);
      expect(sum_received?.bytes).toBeGreaterThan(1e6);
    }
  });

  for (const side of ['client', 'server'] as const) {
    scenario(`the ${side} renegotiates without a lost ping`, async (lab) => {
      const every = (own: boolean): string => `reneg-sec ${own ? 2 : 0}`;
      await startServer(lab, { kind, lines: [every(side === 'server')] });
      const client = await OurClient.connect(lab, 2, { lines: [every(side === 'client')] });
      const counts = await client.ping('10.8.0.1', ['-i', '0.05', '-c', '160', '-W', '2']);
      expect(counts).toEqual({ sent: 160, received: 160 });
      await until('three renegotiations', () => client.renegotiations >= 3);
    });
  }

  for (const persist of [true, false]) {
    scenario(`it comes back to a server that was killed, ${persist ? 'with' : 'without'} persist-tun`, async (lab) => {
      const settings = { kind, lines: ['keepalive 1 3'] };
      const server = await startServer(lab, settings);
      const client = await OurClient.connect(lab, 2, { lines: persist ? ['persist-tun'] : [] });
      const had = await notices(client, server);
      expect(addressesOf(client.host).includes('10.8.0.2/24')).toBe(persist);
      await startServer(lab, settings);
      await client.connected(had + 1);
      expect(await client.reaches('10.8.0.1')).toBe(true);
    });
  }

  scenario('it comes back when the server says that it restarts', async (lab) => {
    const settings = { kind, lines: ['explicit-exit-notify 1'] };
    const server = await startServer(lab, settings);
    const client = await OurClient.connect(lab, 2);
    await server.stop();
    await client.process.says(/(restart|server-exit).*; next attempt in 1 s/);
    await startServer(lab, settings);
    await client.connected(2);
    expect(await client.reaches('10.8.0.1')).toBe(true);
  });

  scenario('redirect-gateway and routes come and go, and SIGTERM ends it at once', async (lab) => {
    const pushes = [
      'push "redirect-gateway def1 ipv6"',
      'push "route 10.99.0.0 255.255.0.0"',
      'push "dhcp-option DNS 10.8.0.1"',
    ];
    const server = await startServer(lab, { kind, lines: [INNER, ...pushes] });
    const host = lab.host(2);
    host.ip('route', 'add', 'default', 'via', '192.0.2.254');
    const before = routesOf(host);
    await withinSeconds(3, async () => {
      const client = await OurClient.connect(lab, 2, { lines: ['explicit-exit-notify 1'] });
      expect(host.ip('route', 'get', '198.51.100.7')).toContain('dev tun0');
      expect(host.ip('route', 'get', '10.99.1.1')).toContain('dev tun0');
      expect(host.ip('-6', 'route', 'get', '2001:db8:ffff::1')).toContain('dev tun0');
      expect(host.ip('route', 'get', lab.serverHost.ipv4)).toContain('dev net0');
      expect(client.log()).toContain('left alone: dhcp-option DNS 10.8.0.1');
      expect(await client.reaches('10.8.0.1')).toBe(true);
      const begin = performance.now();
      expect(await client.process.stop()).toBe(0);
      const seconds = (performance.now() - begin) / 1000;
      expect(routesOf(host)).toEqual(before);
      expect(host.ip('link')).not.toContain('tun0');
      return seconds;
    });
    await server.says(kind === 'openvpn' ? /CC-EEN exit message received/ : /disconnected|left|exit/);
    host.ip('route', 'del', 'default');
  });

  scenario('the second remote is tried when the first does not answer', async (lab) => {
    await startServer(lab, { kind });
    const remotes = ['192.0.2.77 1194 udp4', `${lab.serverHost.ipv4} 1194 udp4`];
    const client = await OurClient.connect(lab, 2, { remotes, lines: ['hand-window 2'] });
    expect(await client.reaches('10.8.0.1')).toBe(true);
  });
});

scenario('a server of openvpn with topology net30 pushes a point-to-point link', async (lab) => {
  await startServer(lab, { kind: 'openvpn', lines: ['topology net30'] });
  const client = await OurClient.connect(lab, 2);
  expect(addressesOf(client.host)).toMatch(/inet 10\.8\.0\.6 peer 10\.8\.0\.5\/32/);
  expect(await client.reaches('10.8.0.1', 1372)).toBe(true);
});

scenario('with a user of its own it still takes its routes away, and sets them up again', async (lab) => {
  const settings = { lines: ['keepalive 1 3', 'push "redirect-gateway def1"'] };
  const server = await startServer(lab, settings);
  const host = lab.host(2);
  const before = routesOf(host);
  const client = await OurClient.connect(lab, 2, { lines: ['user nobody', 'group nogroup'] });
  const had = await notices(client, server);
  await startServer(lab, settings);
  await client.connected(had + 1);
  expect(await client.reaches('10.8.0.1')).toBe(true);
  expect(await client.process.stop()).toBe(0);
  expect(routesOf(host)).toEqual(before);
});

scenario('AUTH_FAILED ends it with exit code 1 and the reason', async (lab) => {
  await startServer(lab, { kind: 'openvpn', lines: ['script-security 2', 'client-connect /bin/false'] });
  const client = OurClient.start(lab, 2);
  expect(await client.process.ended).toBe(1);
  expect(client.log()).toMatch(/^shardvpn: the server refuses us: /m);
});

scenario('verify-x509-name takes the right name only', async (lab) => {
  await startServer(lab, { kind: 'openvpn' });
  await OurClient.connect(lab, 2, { lines: ['verify-x509-name server name'] });
  const other = OurClient.start(lab, 3, { lines: ['verify-x509-name somebody name', 'connect-retry-max 1'] });
  await other.process.says(/verify-x509-name name: 'somebody' is wanted and the certificate says 'server'/);
});

scenario('a bad line is named, and directives of the command line count', async (lab: Lab) => {
  const bad = OurClient.start(lab, 2, { lines: ['chiper AES-256-GCM'] });
  expect(await bad.process.ended).toBe(1);
  expect(bad.log()).toMatch(/profile-\d+\.ovpn:\d+: chiper: unknown directive; did you mean cipher\?\n$/);
  const words = OurClient.start(lab, 2, { words: ['--proto', 'sctp'] });
  expect(await words.process.ended).toBe(1);
  expect(words.log()).toMatch(/^command line: proto: 'sctp' is not a protocol of clients; use udp, .*\n$/);
});

/** Kills the server, and waits until its client notices; how often that one has connected by then, which is once, or more if it was in doubt. */
async function notices(client: OurClient, server: Running): Promise<number> {
  server.signal('SIGKILL');
  await server.ended;
  const before = client.log().length;
  await until('it notices', () => /ping-restart: .*next attempt/.test(client.log().slice(before)));
  return client.connections;
}

const addressesOf = (host: Host): string => host.ip('addr', 'show', 'tun0');

/** Both families; without what the kernel keeps for itself. */
const routesOf = (host: Host): string[] =>
  [host.ip('route'), host.ip('-6', 'route')]
    .join('\n')
    .split('\n')
    .filter((line) => !line.includes('fe80::'));
