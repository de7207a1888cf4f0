import { expect, test } from '@jest/globals';
import { cipherLines, clientConfig, keptLines, serverConfig } from './configs.js';

const USER = `
# a real server
port 443
proto tcp
;local 10.0.0.1
ca /etc/openvpn/ca.crt
<tls-auth>
key line
</tls-auth>
data-ciphers CHACHA20-POLY1305
tun-mtu 1400
keepalive 5 30
workers 3
user nobody
`.split('\n');

const words = (lines: readonly string[], word: string): string[] => lines.filter((line) => line.split(' ')[0] === word);

test("of a user's settings those are kept that do not touch keys, addresses and the process", () => {
  expect(keptLines(USER)).toEqual(['data-ciphers CHACHA20-POLY1305', 'tun-mtu 1400', 'keepalive 5 30', 'workers 3']);
});

test("the user's settings win over the usual ones, the scenario's over both", () => {
  const lines = serverConfig({ keys: '/k', user: USER, extra: ['workers 1'], ours: true, proto: 'udp' });
  expect(words(lines, 'data-ciphers')).toEqual(['data-ciphers CHACHA20-POLY1305']);
  expect(words(lines, 'keepalive')).toEqual(['keepalive 5 30']);
  expect(words(lines, 'workers')).toEqual(['workers 1']);
  expect(words(lines, 'port')).toEqual(['port 1194']);
  expect(words(lines, 'ca')).toEqual(['ca /k/ca.crt']);
});

test('another server does not see words of ours', () => {
  expect(words(serverConfig({ keys: '/k', user: USER, extra: [], ours: false, proto: 'udp' }), 'workers')).toEqual([]);
});

test('the client shares what both ends have to agree on', () => {
  const lines = clientConfig('/k', USER, '192.0.2.5');
  expect(words(lines, 'tun-mtu')).toEqual(['tun-mtu 1400']);
  expect(words(lines, 'data-ciphers')).toEqual(['data-ciphers CHACHA20-POLY1305']);
  expect(words(lines, 'keepalive')).toEqual([]);
  expect(words(lines, 'remote')).toEqual(['remote 192.0.2.5 1194']);
});

test('by TCP both ends say so, and no client says goodbye by a packet', () => {
  const server = serverConfig({ keys: '/k', user: USER, extra: [], ours: true, proto: 'tcp' });
  const client = clientConfig('/k', USER, '192.0.2.5', 'tcp');
  expect([words(server, 'proto'), words(client, 'proto')]).toEqual([['proto tcp4-server'], ['proto tcp4-client']]);
  expect(words(client, 'explicit-exit-notify')).toEqual([]);
});

test('a cipher of the command line is what both ends have', () => {
  const user = [...USER, ...cipherLines({ cipher: 'AES-256-CBC', auth: 'SHA1' })];
  for (const lines of [
    clientConfig('/k', user, '192.0.2.5'),
    serverConfig({ keys: '/k', user, extra: [], ours: false, proto: 'udp' }),
  ]) {
    expect(words(lines, 'data-ciphers').at(-1)).toBe('data-ciphers AES-256-CBC');
    expect(words(lines, 'auth')).toEqual(['auth SHA1']);
  }
  expect(cipherLines({ cipher: null, auth: null })).toEqual([]);
});
