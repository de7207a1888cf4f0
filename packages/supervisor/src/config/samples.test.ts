import { expect, test } from '@jest/globals';
import { loadConfig } from './load-config.js';
import { problemText } from './problem.js';

/** Configurations in the manner of the usual set-up guides and scripts. Keys are missing on purpose: no file is needed. */
const SAMPLES: Readonly<Record<string, { readonly lines: string; readonly expected: readonly string[] }>> = {
  'hand-made, with easy-rsa': {
    lines: `port 1194
proto udp
dev tun
ca ca.crt
cert server.crt
key server.key  # keep this secret
dh dh.pem
topology subnet
server 10.8.0.0 255.255.255.0
ifconfig-pool-persist /var/log/openvpn/ipp.txt
;push "redirect-gateway def1 bypass-dhcp"
push "route 192.168.10.0 255.255.255.0"
client-to-client
keepalive 10 120
tls-auth ta.key 0
cipher AES-256-GCM
;max-clients 100
user nobody
group nogroup
persist-key
persist-tun
status /var/log/openvpn/openvpn-status.log
verb 3
;mute 20
explicit-exit-notify 1`,
    expected: ['7: note: dh', '4: ca', '5: cert', '6: key', '15: tls-auth'],
  },
  'written by a one-line installer': {
    lines: `port 1194
proto udp
dev tun
user nobody
group nogroup
persist-key
persist-tun
keepalive 10 120
topology subnet
server 10.8.0.0 255.255.255.0
ifconfig-pool-persist ipp.txt
push "dhcp-option DNS 94.140.14.14"
push "redirect-gateway def1 bypass-dhcp"
dh none
ecdh-curve prime256v1
tls-crypt tls-crypt.key
crl-verify crl.pem
ca ca.crt
cert server_abc.crt
key server_abc.key
auth SHA256
cipher AES-128-GCM
ncp-ciphers AES-128-GCM
tls-server
tls-version-min 1.2
tls-cipher TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256
client-config-dir /etc/openvpn/ccd
status /var/log/openvpn/status.log
verb 3`,
    expected: ['16: tls-crypt', '17: crl-verify', '18: ca', '19: cert', '20: key', '27: client-config-dir'],
  },
  'written for a small home server': {
    lines: `dev tun
proto udp
port 51194
ca /none/ca.crt
cert /none/server.crt
key /none/server.key
dh none
ecdh-curve prime256v1
topology subnet
server 10.93.167.0 255.255.255.0
# Set your primary domain name server address for clients
push "dhcp-option DNS 9.9.9.9"
push "block-outside-dns"
push "redirect-gateway def1"
client-to-client
client-config-dir /etc/openvpn/ccd
keepalive 15 120
remote-cert-tls client
tls-version-min 1.2
tls-crypt /none/ta.key
cipher AES-256-CBC
auth SHA256
user openvpn
group openvpn
persist-key
persist-tun
crl-verify /none/crl.pem
status /var/log/openvpn-status.log 20
status-version 3
syslog
verb 3`,
    expected: [
      '4: ca',
      '5: cert',
      '6: key',
      '16: client-config-dir',
      '20: tls-crypt',
      '21: warning: cipher',
      '27: crl-verify',
      '30: syslog',
    ],
  },
  'old, with passwords and compression': {
    lines: `port 443
proto tcp-server
dev tun
server 172.16.0.0 255.255.0.0
comp-lzo
plugin /usr/lib/openvpn/openvpn-plugin-auth-pam.so login
client-cert-not-required
username-as-common-name
duplicate-cn
script-security 3
management 127.0.0.1 7505
keepalive 10 60`,
    expected: [
      '4: note: server',
      '5: warning: comp-lzo',
      '6: plugin',
      '7: client-cert-not-required',
      '8: username-as-common-name',
      '11: management',
      'ca',
      'cert',
      'key',
    ],
  },
};

test.each(Object.entries(SAMPLES))('%s', (_, { lines, expected }) => {
  const { problems } = loadConfig({ text: lines, name: 's.conf' }, '/none');
  const told = problems.map(
    (problem) => /^s\.conf:? ?((\d+: )?((warning|note): )?[\w-]+)/.exec(problemText(problem))?.[1],
  );
  const byLine = (text: string | undefined): number => Number(/^\d+/.exec(text ?? '')?.[0] ?? 1e6);
  expect(told).toEqual([...expected].sort((a, b) => byLine(a) - byLine(b)));
});
