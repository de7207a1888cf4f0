import {
  type Directive,
  type DirectiveTable,
  directiveTable,
  otherEntries,
  supportedEntries,
} from '../config/directives.js';
import { type Group, ignored, OTHER_DIRECTIVES, refused, unsupported } from '../config/other-directives.js';
import { type Form, fileOrBlock, repeated, SUPPORTED_DIRECTIVES, words } from '../config/supported-directives.js';

/** Directives of the server's table that say the same to a client. */
const SHARED =
  `port lport dev dev-type topology route-metric tun-mtu mssfix fragment comp-lzo compress keepalive ping ping-restart explicit-exit-notify sndbuf rcvbuf
  ca cert key crl-verify tls-auth tls-crypt tls-crypt-v2 key-direction remote-cert-tls auth cipher data-ciphers data-ciphers-fallback
  tls-version-min tls-version-max tls-cipher tls-ciphersuites tls-groups ecdh-curve reneg-sec hand-window tran-window
  allow-compression cd verb log log-append writepid user group persist-key persist-tun ignore-unknown-option proto
  route route-ipv6 bind dh ping-exit inactive session-timeout reneg-bytes reneg-pkts replay-window tls-timeout max-packet-size
  mark bind-dev mtu-disc passtos`.split(/\s+/);

const OF_CLIENTS: Readonly<Record<string, Form>> = {
  client: words(0),
  pull: words(0),
  'tls-client': words(0),
  remote: repeated(1, 3),
  'remote-random': words(0),
  rport: words(1),
  local: words(1),
  nobind: words(0),
  'resolv-retry': words(1),
  'connect-retry': words(1, 2),
  'connect-retry-max': words(1),
  'connect-timeout': words(1),
  'server-poll-timeout': words(1),
  'verify-x509-name': words(1, 2),
  'auth-user-pass': { ...fileOrBlock(), min: 0 },
  'auth-retry': words(1),
  'static-challenge': words(2, 3),
  'route-nopull': words(0),
  'tun-mtu-max': words(1),
  'pull-filter': repeated(2),
  'redirect-gateway': repeated(0, 7),
  'redirect-private': repeated(0, 7),
};

const OF_SERVERS = 'only a server has it; remove the line';

const GROUPS: readonly Group[] = [
  ignored('DNS is left alone: set it yourself', 'dhcp-option dns block-outside-dns register-dns dns-updown'),
  ignored('the password is read once and kept', 'auth-nocache'),
  ignored('the route to the server decides', 'float multihome'),
  ignored(
    'names are looked up anew for every connection',
    'remote-random-hostname preresolve persist-remote-ip persist-local-ip',
  ),
  ignored('the server is told what this client can do in any case', 'push-peer-info'),
  ignored('routes are set as soon as the server has pushed them', 'route-delay route-method'),
  ignored(
    'there is no transport but UDP',
    'http-proxy-option http-proxy-timeout http-proxy-user-pass http-proxy-override',
  ),
  ignored('the server pushes it', 'tun-ipv6 peer-id key-derivation protocol-flags'),
  refused('this is a client; start a server with: shardvpn --config FILE', 'tls-server mode server server-ipv6'),
  refused(
    OF_SERVERS,
    'client-config-dir ccd-exclusive auth-user-pass-verify client-connect client-disconnect learn-address port-share stale-routes-check',
  ),
  unsupported('several servers are written as several remote lines; blocks are not supported yet', 'connection'),
  unsupported('only the gateway of the tunnel and net_gateway are known', 'route-gateway route-ipv6-gateway'),
  unsupported('only UDP is supported yet; remove the line', 'http-proxy socks-proxy proto-force'),
  unsupported('addresses come from the server; remove the line', 'ifconfig ifconfig-ipv6'),
  unsupported(
    'not supported yet; remove the line',
    'client-nat mtu-test ping-timer-rem tls-exit allow-pull-fqdn allow-recursive-routing ip-remote-hint route-table',
  ),
];

const shared = Object.fromEntries(SHARED.map((name) => [name, SUPPORTED_DIRECTIVES[name] as Form]));

/** Whatever else the server knows: what it ignores changes nothing here either, the rest cannot be obeyed. */
const elsewhere: readonly (readonly [string, Directive])[] = [
  ...otherEntries(OTHER_DIRECTIVES).map(([name, directive]): readonly [string, Directive] =>
    directive.standing === 'supported' || !/^only clients use it|only has a meaning for clients/.test(directive.reason)
      ? [name, directive]
      : [name, { standing: 'unsupported', reason: 'not supported yet; remove the line' }],
  ),
  ...Object.keys(SUPPORTED_DIRECTIVES).map((name): readonly [string, Directive] => [
    name,
    { standing: 'refused', reason: OF_SERVERS },
  ]),
];

/** What a client makes of a directive. */
export const CLIENT_DIRECTIVES: DirectiveTable = directiveTable(
  firstOfEach([...supportedEntries({ ...shared, ...OF_CLIENTS }), ...otherEntries(GROUPS), ...elsewhere]),
);

function firstOfEach<T>(entries: readonly (readonly [string, T])[]): readonly (readonly [string, T])[] {
  const seen = new Set<string>();
  return entries.filter(([name]) => !seen.has(name) && seen.add(name));
}
