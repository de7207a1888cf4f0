import { expect, test } from '@jest/globals';
import { clientConfig, keptLines, serverConfig } from './configs.js';

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
  const lines = serverConfig({ keys: '/k', user: USER, extra: ['workers 1'], ours: true });
  expect(words(lines, 'data-ciphers')).toEqual(['data-ciphers CHACHA20-POLY1305']);
  expect(words(lines, 'keepalive')).toEqual(['keepalive 5 30']);
  expect(words(lines, 'workers')).toEqual(['workers 1']);
  expect(words(lines, 'port')).toEqual(['port 1194']);
  expect(words(lines, 'ca')).toEqual(['ca /k/ca.crt']);
});

test('another server does not see words of ours', () => {
  expect(words(serverConfig({ keys: '/k', user: USER, extra: [], ours: false }), 'workers')).toEqual([]);
});

test('the client shares what both ends have to agree on', () => {
  const lines = clientConfig('/k', USER, '192.0.2.5');
  expect(words(lines, 'tun-mtu')).toEqual(['tun-mtu 1400']);
  expect(words(lines, 'data-ciphers')).toEqual(['data-ciphers CHACHA20-POLY1305']);
  expect(words(lines, 'keepalive')).toEqual([]);
  expect(words(lines, 'remote')).toEqual(['remote 192.0.2.5 1194']);
});
