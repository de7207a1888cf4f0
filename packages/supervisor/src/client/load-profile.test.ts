import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { problemText } from '../config/problem.js';
import { issueCertificate, makeAuthority } from '../pki/certificates.js';
import { encodeProfile } from '../pki/profile.js';
import { encodeStaticKey } from '../pki/static-key.js';
import { loadProfile } from './load-profile.js';
import type { ClientProfile } from './profile.js';

let folder: string;
let quickstart: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'shardvpn-profile-'));
  const later = new Date(Date.now() + 1e9);
  const ca = await makeAuthority('CA', later);
  const { certificate, key } = await issueCertificate(ca, 'client', 'laptop', later);
  const tlsCrypt = encodeStaticKey(new Uint8Array(256).fill(7));
  quickstart = encodeProfile({
    remote: { host: 'vpn.test', port: 1195 },
    ca: ca.certificate,
    certificate,
    key,
    tlsCrypt,
  });
  const files = {
    'ca.crt': ca.certificate,
    'c.crt': certificate,
    'c.key': key,
    login: 'anna\nsecret\n',
    half: 'anna\n',
    empty: '\n',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
});
afterAll(() => rmSync(folder, { recursive: true }));

const BASE = [
  'client',
  'dev tun',
  'remote 192.0.2.1',
  'ca ca.crt',
  'cert c.crt',
  'key c.key',
  'remote-cert-tls server',
];

const load = (lines: readonly string[]) => loadProfile({ text: lines.join('\n'), name: 'p.ovpn' }, folder);

const read = (...lines: string[]): ClientProfile => {
  const { profile, problems } = load([...BASE, ...lines]);
  if (profile === null) throw new Error(problems.map(problemText).join('\n'));
  return profile;
};

const errors = (lines: readonly string[]): string[] =>
  load(lines)
    .problems.filter(({ severity }) => severity === 'error')
    .map(problemText);

test('the profile that quickstart writes', () => {
  const { profile, problems } = loadProfile({ text: quickstart, name: 'p.ovpn' }, folder);
  expect(problems.map(problemText)).toEqual([]);
  expect(profile).toMatchObject({
    remotes: [{ host: 'vpn.test', port: 1195, family: null }],
    resolveRetry: null,
    localPort: 0,
    wrap: { type: 'tls-crypt' },
    tls: { remoteCertTls: 'server', verifyName: null },
    exitNotify: true,
    persistTun: true,
    pingTimeout: 120,
  });
});

describe('what directives mean', () => {
  test.each<[string[], object]>([
    [
      ['port 7000', 'proto udp6', 'remote b 7001 udp4'],
      {
        remotes: [
          { host: '192.0.2.1', port: 7000, family: 6 },
          { host: 'b', port: 7001, family: 4 },
        ],
      },
    ],
    [
      ['proto tcp', 'remote b 7001 tcp6-client', 'remote c 1 udp'],
      {
        remotes: [
          { host: '192.0.2.1', family: null, transport: 'tcp' },
          { host: 'b', family: 6, transport: 'tcp' },
          { host: 'c', port: 1, family: null },
        ],
      },
    ],
    [['lport 5000', 'local 192.0.2.9'], { localPort: 5000, localHost: '192.0.2.9' }],
    [
      ['resolv-retry 30', 'connect-retry 2 9', 'connect-retry-max 3'],
      { resolveRetry: 30, connectRetry: { first: 2, longest: 9 }, connectRetryMax: 3 },
    ],
    [['verify-x509-name vpn name'], { tls: expect.objectContaining({ verifyName: { type: 'name', value: 'vpn' } }) }],
    [
      ['auth-user-pass login', 'auth-retry nointeract'],
      { login: { username: 'anna', password: 'secret', challenge: null }, authRetry: true },
    ],
    [['auth-user-pass half'], { login: { username: 'anna', password: null } }],
    [
      ['auth-user-pass', 'static-challenge "Your PIN" 0 concat'],
      { login: { username: null, password: null, challenge: { text: 'Your PIN', echo: false, concat: true } } },
    ],
    [['ping 5', 'ping-restart 20', 'explicit-exit-notify 0'], { pingInterval: 5, pingTimeout: 20, exitNotify: false }],
    [['keepalive 3 9'], { pingInterval: 3, pingTimeout: 9 }],
    [
      ['route-nopull', 'pull-filter ignore "route "'],
      { routeNopull: true, pullFilters: [{ action: 'ignore', start: 'route ' }] },
    ],
    [
      ['route 10.1.0.0 255.255.0.0', 'redirect-gateway def1', 'topology net30'],
      { ownOptions: ['topology net30', 'route 10.1.0.0 255.255.0.0', 'redirect-gateway def1'] },
    ],
    [
      ['server-poll-timeout 4', 'setenv opt block-outside-dns', 'dhcp-option DNS 1.1.1.1', 'register-dns'],
      { connectTimeout: 4 },
    ],
  ])('%j', (lines, expected) => expect(read(...lines)).toMatchObject(expected));

  test('remote-random shuffles by the numbers it is given', () => {
    const text = [...BASE, 'remote b', 'remote c', 'remote-random'].join('\n');
    const hosts = (random: number) =>
      loadProfile({ text, name: 'p' }, folder, new Date(), () => random).profile?.remotes.map(({ host }) => host);
    expect(hosts(0)).toEqual(['b', 'c', '192.0.2.1']);
    expect(hosts(0.999)).toEqual(['192.0.2.1', 'b', 'c']);
  });

  test('a password may stand for the certificate', () => {
    const lines = [...BASE.filter((line) => !/^(cert|key) /.test(line)), 'auth-user-pass login'];
    expect(load(lines).profile).toMatchObject({ tls: { cert: '', key: '' } });
  });
});

describe('errors name file, line and fix', () => {
  test.each<[string, RegExp]>([
    ['chiper AES-256-GCM', /^p.ovpn:8: chiper: unknown directive; did you mean cipher\?$/],
    ['server 10.8.0.0 255.255.255.0', /^p.ovpn:8: server: this is a client|^p.ovpn:8: server: only a server has it/],
    ['proto tcp-server', /^p.ovpn:8: proto: 'tcp-server' is not a protocol of clients; use udp, udp4, /],
    ['remote x 1194 sctp', /^p.ovpn:8: remote: 'sctp' is not a protocol of clients/],
    ['static-challenge PIN 1', /^p.ovpn:8: static-challenge: it goes along with a password; add: auth-user-pass$/],
    ['auth-user-pass empty', /^p.ovpn:8: auth-user-pass: the first line has to be the user name; correct it$/],
    ['compress migrate', /^p.ovpn:8: compress: 'migrate' is not known; use lzo, lz4/],
    ['fragment 20', /^p.ovpn:8: fragment: '20' is not a number from 68 to 65535/],
    ['up /bin/true', /^p.ovpn:8: up: this script or plugin is not supported yet/],
    ['pull-filter drop x', /^p.ovpn:8: pull-filter: 'drop' is not known; use accept, ignore or reject$/],
    ['remote-cert-tls nobody', /^p.ovpn:8: remote-cert-tls: 'nobody' is not known; write: remote-cert-tls server$/],
    ['verify-x509-name a b', /^p.ovpn:8: verify-x509-name: 'b' is not known; use subject, name or name-prefix$/],
  ])('%s', (line, expected) => expect(errors([...BASE, line])).toEqual([expect.stringMatching(expected)]));

  test('fragment where every remote is reached over TCP', () => {
    const fault = expect.stringMatching(/^p.ovpn:9: fragment: there is only TCP here/);
    expect(errors([...BASE, 'proto tcp', 'fragment 1300'])).toEqual([fault]);
    expect(errors([...BASE, 'proto tcp', 'fragment 1300', 'remote b 1194 udp'])).toEqual([]);
  });

  test.each(['client', 'dev', 'remote', 'ca', 'cert', 'key'])('without %s', (name) => {
    const lines = BASE.filter((line) => line.split(' ')[0] !== name);
    expect(errors(lines)).toEqual([
      expect.stringMatching(new RegExp(`^p.ovpn: ${name}: missing: .*; add:? (for example: )?${name}`)),
    ]);
  });

  test('a server that is not checked is a warning', () => {
    const { problems } = load(BASE.slice(0, -1));
    expect(problems.map(problemText)).toEqual([expect.stringContaining('warning: remote-cert-tls: missing')]);
  });
});
