import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { issueCertificate, makeAuthority, makeCrl } from '../pki/certificates.js';
import { encodeStaticKey } from '../pki/static-key.js';
import { loadConfig } from './load-config.js';
import { problemText } from './problem.js';
import type { ServerConfig } from './server-config.js';

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'shardvpn-config-'));
  const later = new Date(Date.now() + 1e9);
  const ca = await makeAuthority('CA', later);
  const server = await issueCertificate(ca, 'server', 'server', later);
  const expired = await issueCertificate(ca, 'server', 'old', new Date(Date.now() - 3600e3));
  const foreign = await makeAuthority('Other CA', later);
  const files = {
    'ca.crt': ca.certificate,
    'server.crt': server.certificate,
    'server.key': server.key,
    'expired.crt': expired.certificate,
    'expired.key': expired.key,
    'foreign.crt': foreign.certificate,
    'crl.pem': await makeCrl(ca, [{ serial: server.serial, revokedAt: new Date() }], later),
    'overdue.pem': await makeCrl(ca, [], new Date(Date.now() - 3600e3)),
    'ta.key': encodeStaticKey(new Uint8Array(256).fill(7)),
    'short.key': encodeStaticKey(new Uint8Array(255)),
    'encrypted.key': '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n',
    'damaged.crt': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
    'damaged.pem': '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
});

afterAll(() => rmSync(folder, { recursive: true }));

/** Lines replace usual ones that start with the same word. */
const load = (...lines: readonly string[]) => {
  const usual = [
    'dev tun',
    'topology subnet',
    'server 10.8.0.0 255.255.255.0',
    'keepalive 10 60',
    'ca ca.crt',
    'cert server.crt',
    'key server.key',
  ];
  const firstWord = (line: string) => line.split(' ')[0];
  const without = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
  const own = lines.filter((line) => !line.startsWith('!'));
  const kept = usual.filter((line) => ![...own.map(firstWord), ...without].includes(firstWord(line)));
  const { config, problems } = loadConfig({ text: [...own, ...kept].join('\n'), name: 's.conf' }, folder);
  return { config, problems: problems.map(problemText) };
};

const good = (...lines: readonly string[]): ServerConfig => {
  const { config, problems } = load(...lines);
  if (config === null) throw new Error(problems.join('\n'));
  return config;
};

test('fills in the defaults', () => {
  const { config, problems } = load();
  expect(problems).toEqual([]);
  expect(config).toMatchObject({
    listeners: [
      { family: 4, host: '0.0.0.0', port: 1194, optional: false },
      { family: 6, host: '::', port: 1194, optional: true },
    ],
    workers: null,
    device: 'tun',
    tunMtu: 1500,
    mssfix: 1492,
    mssfixOf: 'usual',
    layers: { framing: 'none', compresses: false, allow: 'no', migrate: false, fragment: null },
    ipv4: {
      network: '10.8.0.0',
      netmask: '255.255.255.0',
      bits: 24,
      server: '10.8.0.1',
      pool: { first: '10.8.0.2', last: '10.8.0.254' },
    },
    ipv6: null,
    poolPersist: null,
    push: ['route-gateway 10.8.0.1', 'topology subnet', 'ping 10', 'ping-restart 60'],
    maxClients: 1024,
    pingInterval: 10,
    pingTimeout: 120,
    wrap: { type: 'none' },
    dataCiphers: ['AES-256-GCM', 'AES-128-GCM', 'CHACHA20-POLY1305'],
    fallbackCipher: null,
    cipher: 'BF-CBC',
    auth: 'SHA1',
    renegSec: 3600,
    handWindow: 60,
    tranWindow: 3600,
    explicitExitNotify: 0,
    connectFreqInitial: { count: 100, seconds: 10 },
    verb: 1,
    adminHttp: null,
    tls: { minVersion: 'TLSv1.2', maxVersion: null, remoteCertTls: null, clientCertificate: 'require', crl: null },
  });
});

test('a configuration taken apart is the same as its helpers', () => {
  const parts = [
    '!server',
    'mode server',
    'tls-server',
    'ifconfig 10.8.0.1 255.255.255.0',
    'ifconfig-pool 10.8.0.2 10.8.0.254',
    'ifconfig-ipv6 fd00:1::1/64 fd00:1::2',
    'ifconfig-ipv6-pool fd00:1::1000/64',
  ];
  const helpers = good('server-ipv6 fd00:1::/64');
  expect(good(...parts)).toMatchObject({ ipv4: helpers.ipv4, ipv6: helpers.ipv6 });
  expect(helpers.ipv6).toEqual({
    network: 'fd00:1::',
    bits: 64,
    server: 'fd00:1::1',
    pool: { first: 'fd00:1::1000', size: 65536 },
  });
});

test.each<[string[], object]>([
  [['server-ipv6 fd00:1::/120'], { ipv6: { pool: { first: 'fd00:1::2', size: 254 } } }],
  [['server 10.8.0.0 255.255.255.0 nopool'], { ipv4: { pool: null } }],
  [
    ['server 10.8.0.0 255.255.255.0 nopool', 'ifconfig-pool 10.8.0.16 10.8.0.31'],
    { ipv4: { server: '10.8.0.1', pool: { first: '10.8.0.16', last: '10.8.0.31' } } },
  ],
  [['proto udp4'], { listeners: [{ host: '0.0.0.0', optional: false }] }],
  [
    ['proto udp6', 'port 1195'],
    {
      listeners: [
        { host: '::', port: 1195, optional: false },
        { host: '0.0.0.0', optional: true },
      ],
    },
  ],
  [['proto udp6', 'bind ipv6only'], { listeners: [{ host: '::' }] }],
  [
    ['proto tcp-server'],
    {
      listeners: [
        { host: '0.0.0.0', transport: 'tcp' },
        { host: '::', transport: 'tcp' },
      ],
    },
  ],
  [['proto tcp6-server', 'bind ipv6only'], { listeners: [{ host: '::', transport: 'tcp' }] }],
  [
    ['proto tcp', 'port-share 127.0.0.1 443 /tmp', 'proxy-protocol 10.0.0.0/8 2001:db8::1', 'proxy-protocol 192.0.2.1'],
    {
      portShare: { host: '127.0.0.1', port: 443 },
      proxyProtocol: [
        { address: '10.0.0.0', bits: 8 },
        { address: '2001:db8::1', bits: 128 },
        { address: '192.0.2.1', bits: 32 },
      ],
    },
  ],
  [
    ['local 192.0.2.1 1194', 'local 192.0.2.1 1194 tcp', 'tcp-nodelay', 'tcp-queue-limit 9'],
    { listeners: [{ family: 4 }, { family: 4, transport: 'tcp' }], tcpQueueLimit: 9 },
  ],
  [
    ['local 192.0.2.1', 'lport 5000', 'local 2001:db8::1 5001 udp6'],
    {
      listeners: [
        { host: '192.0.2.1', port: 5000 },
        { family: 6, host: '2001:db8::1', port: 5001 },
      ],
    },
  ],
  [
    ['local 192.0.2.1 1194 udp4', 'local 192.0.2.1 1195', 'local * 1196 udp6', 'local 192.0.2.2'],
    {
      listeners: [
        { host: '192.0.2.1', port: 1194 },
        { host: '192.0.2.1', port: 1195 },
        { host: '::', port: 1196, optional: false },
        { host: '0.0.0.0', port: 1196, optional: true },
        { host: '192.0.2.2', port: 1194 },
      ],
    },
  ],
  [
    ['push "route 10.1.0.0 255.255.0.0"', 'server-ipv6 fd00:1::/64'],
    {
      push: [
        'route 10.1.0.0 255.255.0.0',
        'tun-ipv6',
        'route-gateway 10.8.0.1',
        'topology subnet',
        'ping 10',
        'ping-restart 60',
      ],
    },
  ],
  [
    [
      'route 10.1.0.0 255.255.0.0',
      'route 10.2.0.1',
      'route 10.3.0.0 255.255.0.0 vpn_gateway 5',
      'route-ipv6 fd01::/64 default 7',
    ],
    {
      routes: [
        { destination: '10.1.0.0/16', via: null, metric: null },
        { destination: '10.2.0.1/32' },
        { destination: '10.3.0.0/16', via: null, metric: 5 },
        { destination: 'fd01::/64', metric: 7 },
      ],
    },
  ],
  [
    ['data-ciphers ?AES-256-OFB:aes-128-gcm:DEFAULT'],
    { dataCiphers: ['AES-128-GCM', 'AES-256-GCM', 'CHACHA20-POLY1305'] },
  ],
  [
    ['data-ciphers aes-256-cbc:AES-192-CBC', 'data-ciphers-fallback AES-128-CBC', 'auth sha512'],
    {
      dataCiphers: ['AES-256-CBC', 'AES-192-CBC'],
      fallbackCipher: 'AES-128-CBC',
      cipher: 'AES-128-CBC',
      auth: 'SHA512',
    },
  ],
  [
    ['ncp-ciphers AES-128-GCM', 'data-ciphers-fallback AES-256-GCM'],
    { dataCiphers: ['AES-128-GCM'], fallbackCipher: 'AES-256-GCM', cipher: 'AES-256-GCM' },
  ],
  [['mssfix 0'], { mssfix: 0 }],
  [['mssfix'], { mssfix: 1492, mssfixOf: 'usual' }],
  [['mssfix 1400'], { mssfix: 1400, mssfixOf: 'datagram' }],
  [['mssfix 1400 mtu'], { mssfix: 1400, mssfixOf: 'outer' }],
  [['mssfix 1300 fixed'], { mssfix: 1300, mssfixOf: 'packet' }],
  [['tun-mtu 1400'], { tunMtu: 1400, mssfix: 1400, mssfixOf: 'packet' }],
  [
    ['fragment 1200'],
    { mssfix: 1200, mssfixOf: 'datagram', layers: { fragment: { size: 1200, countsHeaders: false } } },
  ],
  [
    ['fragment 1200 mtu', 'mssfix'],
    { mssfix: 1200, mssfixOf: 'outer', layers: { fragment: { size: 1200, countsHeaders: true } } },
  ],
  [['fragment 1200', 'mssfix 0'], { mssfix: 0 }],
  [['fragment 0'], { mssfix: 1492, layers: { fragment: null } }],
  [['comp-lzo'], { layers: { framing: 'lzo', compresses: true, allow: 'no' } }],
  [
    ['compress lz4', 'comp-lzo no', 'allow-compression asym'],
    { layers: { framing: 'lzo', compresses: false, allow: 'asym' } },
  ],
  [['compress', 'allow-compression yes'], { layers: { framing: 'stub', allow: 'yes' } }],
  [['compress lz4-v2'], { layers: { framing: 'lz4-v2', compresses: true } }],
  [['compress migrate'], { layers: { framing: 'none', migrate: true } }],
  [
    ['tls-cipher TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384:!aNULL', 'tls-version-min 1.3', 'ecdh-curve secp384r1'],
    { tls: { cipherList: 'ECDHE-ECDSA-AES256-GCM-SHA384:!aNULL', minVersion: 'TLSv1.3', groups: 'secp384r1' } },
  ],
  [['explicit-exit-notify'], { explicitExitNotify: 1 }],
  [
    ['!keepalive', 'ping 5', 'ping-restart 30'],
    { pingInterval: 5, pingTimeout: 30, push: ['route-gateway 10.8.0.1', 'topology subnet'] },
  ],
  [['log-append a.log', 'log b.log'], { log: { append: false } }],
  [['status st.txt 5', 'status-version 3'], { status: { seconds: 5, version: 3 } }],
  [['admin-http [::1]:8505', 'workers 4'], { adminHttp: { host: '::1', port: 8505, token: null }, workers: 4 }],
  [['admin-http 0.0.0.0:8505 secret'], { adminHttp: { host: '0.0.0.0', token: 'secret' } }],
  [
    ['tls-auth ta.key 0', 'auth SHA256'],
    { wrap: { type: 'tls-auth', direction: 0, digest: 'sha256' }, auth: 'SHA256' },
  ],
  [['tls-auth ta.key'], { wrap: { type: 'tls-auth', direction: null, digest: 'sha1' } }],
  [['tls-crypt ta.key'], { wrap: { type: 'tls-crypt', key: new Uint8Array(256).fill(7) } }],
  [['setenv opt port 1196', 'setenv opt nonsense 1'], { listeners: [{ port: 1196 }, { port: 1196 }] }],
  [['ignore-unknown-option zork', 'zork 5'], {}],
  [['dev vpn0', 'dev-type tun'], { device: 'vpn0' }],
])('%j', (lines, expected) => expect(good(...lines)).toMatchObject(expected));

test('file names become absolute, and blocks need a direction of their own', () => {
  const config = good(
    'crl-verify crl.pem',
    'key-direction 1',
    '<tls-auth>',
    encodeStaticKey(new Uint8Array(256)).trim(),
    '</tls-auth>',
    'writepid x.pid',
  );
  expect(config).toMatchObject({
    crlFile: join(folder, 'crl.pem'),
    writepid: join(folder, 'x.pid'),
    wrap: { direction: 1 },
  });
});

describe('what is wrong is said with its place and a way out', () => {
  test.each<[string, string]>([
    ['port 70000', "s.conf:1: port: '70000' is not a number from 1 to 65535; correct it"],
    ['port', 's.conf:1: port: no argument given, 1 wanted; correct the line'],
    ['port-share 127.0.0.1 443', 's.conf:1: port-share: it needs a TCP listener; add: proto tcp-server'],
    ['proto tcp-client', "s.conf:1: proto: 'tcp-client' is for clients; use tcp-server"],
    [
      'dev tap0',
      "s.conf:1: dev: 'tap0' is not a tun device; use dev tun, or add dev-type tun to give a tun device this name",
    ],
    ['topology net30', 's.conf:1: topology: net30 is not supported yet; use subnet'],
    [
      'server 10.8.0.5 255.255.255.0',
      's.conf:1: server: 10.8.0.5 is not the start of a network with netmask 255.255.255.0; use 10.8.0.0',
    ],
    [
      'server 10.8.0.0 255.255.0.255',
      "s.conf:1: server: '255.255.0.255' is not a netmask from 255.255.0.0 to 255.255.255.248; correct it",
    ],
    [
      'server-ipv6 fd00::/48',
      "s.conf:1: server-ipv6: 'fd00::/48' is not an IPv6 network with 64 to 124 bits; write for example fd00:1::/64",
    ],
    [
      'ifconfig-pool 10.8.0.5 10.8.0.9',
      's.conf:1: ifconfig-pool: server sets a pool already; remove one of the two, or write: server ... nopool',
    ],
    [
      'keepalive 10 15',
      's.conf:1: keepalive: the second number must be at least twice the first; write: keepalive 10 60',
    ],
    ['ping 5', 's.conf:1: ping: keepalive sets it already; remove one of the two'],
    [
      'push "a,b"',
      's.conf:1: push: cannot be sent: an option is not empty and has neither commas nor control characters; split or shorten it',
    ],
    [
      'route 10.1.0.0 255.255.0.0 net_gateway',
      "s.conf:1: route: net_gateway is not supported: the server's routes lead into the tunnel; remove the word",
    ],
    [
      'data-ciphers AES-256-OFB',
      's.conf:1: data-ciphers: AES-256-OFB is not supported; use AES-256-GCM, AES-192-GCM, AES-128-GCM, CHACHA20-POLY1305, or for old peers AES-256-CBC, or write ?AES-256-OFB to allow for its absence',
    ],
    [
      'data-ciphers-fallback BF-CBC',
      's.conf:1: data-ciphers-fallback: BF-CBC is not supported: blocks of 64 bits give away what they encrypt; use AES-256-GCM, AES-192-GCM, AES-128-GCM, CHACHA20-POLY1305',
    ],
    [
      'data-ciphers AES-256-CBC\nauth MD5',
      's.conf:2: auth: packets with AES-256-CBC cannot have MD5; use auth SHA256, here and at the other end',
    ],
    [
      'data-ciphers FOO',
      "s.conf:1: data-ciphers: 'FOO' is not a cipher; use AES-256-GCM, AES-192-GCM, AES-128-GCM, CHACHA20-POLY1305",
    ],
    ['auth FOO', "s.conf:1: auth: 'FOO' is not a supported digest; use SHA1, SHA224, SHA256, SHA384, SHA512"],
    [
      'tls-cipher FOO',
      's.conf:1: tls-cipher: none of the ciphers is known; use names as TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384',
    ],
    [
      'verify-client-cert none',
      's.conf:1: verify-client-cert: none lets everybody in, as nothing checks users; write: verify-client-cert require, or embed the server with authenticate',
    ],
    [
      'admin-http 0.0.0.0:8505',
      's.conf:1: admin-http: 0.0.0.0:8505 can be reached from other machines; add a secret token: admin-http 0.0.0.0:8505 TOKEN',
    ],
    [
      'client-config-dir ccd',
      's.conf:1: client-config-dir: per-client settings are not supported yet; remove the line',
    ],
    [
      'redirect-gateway def1',
      's.conf:1: redirect-gateway: this is meant for clients; send it to them with: push "redirect-gateway ..."',
    ],
    ['chiper AES-256-GCM', 's.conf:1: chiper: unknown directive; did you mean cipher?'],
    ['client', 's.conf:1: client: this is a server, it takes no client settings; remove the line'],
    [
      'ca no.crt',
      "s.conf:1: ca: cannot read 'no.crt': no such file; check the path, relative names count from the directory the server is started in",
    ],
    [
      'cert server.key',
      "s.conf:1: cert: 'server.key' holds no certificate but PRIVATE KEY; give a file with BEGIN CERTIFICATE",
    ],
    ['cert damaged.crt', "s.conf:1: cert: a certificate in 'damaged.crt' is damaged; get the file again"],
    [
      'key expired.key',
      's.conf:1: key: the key does not belong to the certificate of cert (CN=server); use the two that were made together',
    ],
    [
      'key encrypted.key',
      "s.conf:1: key: 'encrypted.key' is encrypted, which is not supported yet; decrypt it: openssl pkey -in KEY -out NEW",
    ],
    ['crl-verify damaged.pem', "s.conf:1: crl-verify: the CRL in 'damaged.pem' is damaged; issue a new one"],
    [
      'tls-crypt short.key',
      "s.conf:1: tls-crypt: 'short.key' is not an OpenVPN static key: the key has 510 hexadecimal digits instead of 512; make one with: openvpn --genkey secret FILE",
    ],
    [
      'local *\nlocal 192.0.2.1',
      "s.conf:2: local: 'local 0.0.0.0' and 'local 192.0.2.1' overlap on port 1194; give them different ports, or name every address",
    ],
    [
      'local 2001:db8::1\nlocal 2001:db8:0::1',
      's.conf:2: local: 2001:db8:0::1 port 1194 is there twice; remove one of them',
    ],
    ['tls-auth ta.key 2', "s.conf:1: tls-auth: '2' is not a key direction; use 0 on the server and 1 on clients"],
    ['key-direction 3', "s.conf:1: key-direction: '3' is not a key direction; use 0 on the server and 1 on clients"],
  ])('%s', (line, expected) => {
    const { config, problems } = load(line);
    expect(config).toBeNull();
    expect(problems).toEqual([expected]);
  });

  test('expired certificate', () => {
    expect(load('cert expired.crt', 'key expired.key').problems[0]).toMatch(
      /^s.conf:1: cert: the certificate \(CN=old\) has expired on \d{4}-\d\d-\d\d; issue a new one$/,
    );
  });

  test('both kinds of wrapping', () => {
    expect(load('tls-auth ta.key 0', 'tls-crypt ta.key').problems).toEqual([
      's.conf:2: tls-crypt: tls-auth is there as well and only one of them can be used; remove one',
    ]);
  });

  test('everything at once, in reading order', () => {
    const { problems } = load('!ca', 'verb x', 'dev tap', 'zork');
    expect(problems.map((text) => text.split(': ').slice(0, 2).join(' '))).toEqual([
      's.conf:1 verb',
      's.conf:2 dev',
      's.conf:3 zork',
      's.conf ca',
    ]);
  });
});

describe('what does no harm is a warning or a note', () => {
  test.each([
    ['ca foreign.crt', /^s.conf:\d: warning: cert: the certificate \(CN=server\) is not issued by ca;/],
    ['crl-verify overdue.pem', /^s.conf:1: warning: crl-verify: the CRL was to be renewed by /],
    ['cipher AES-256-CBC', /^s.conf:1: warning: cipher: AES-256-CBC is not in data-ciphers/],
    ['data-ciphers AES-256-GCM:none', /^s.conf:1: warning: data-ciphers: DANGER: none sends everything unencrypted/],
    ['data-ciphers-fallback none', /^s.conf:1: warning: data-ciphers-fallback: DANGER: none sends everything/],
    ['data-ciphers AES-128-CBC\nauth none', /^s.conf:2: warning: auth: DANGER: .*forge packets .* with AES-128-CBC/],
    ['!keepalive', /^s.conf: warning: keepalive: missing/],
    ['!topology', /^s.conf:\d: note: server: there is no topology line: subnet is used/],
    ['dh dh.pem', /^s.conf:1: note: dh: ignored/],
    ['resolv-retry infinite', /^s.conf:1: note: resolv-retry: ignored: only clients use it$/],
    ['ip-win32 dynamic', /^s.conf:1: note: ip-win32: ignored: only Windows uses it$/],
  ])('%s', (line, expected) => {
    const { config, problems } = load(line);
    expect(config).not.toBeNull();
    expect(problems).toEqual([expect.stringMatching(expected)]);
  });
});
