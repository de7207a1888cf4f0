import type { BenchOptions, Proto } from '../options.js';

/** What the harness decides itself, because its clients, addresses and keys have to fit. */
const REPLACED = new Set(
  `local port lport proto proto-force bind multihome dev dev-type dev-node topology mode tls-server server server-ipv6
  server-bridge ifconfig ifconfig-ipv6 ifconfig-pool ifconfig-ipv6-pool ifconfig-pool-persist push route route-ipv6
  ca capath cert key dh pkcs12 extra-certs crl-verify tls-auth tls-crypt tls-crypt-v2 secret key-direction remote-cert-tls
  verify-client-cert verify-x509-name duplicate-cn max-clients connect-freq connect-freq-initial username-as-common-name
  auth-user-pass-verify auth-user-pass-optional auth-gen-token plugin script-security up down up-restart client-connect
  client-disconnect learn-address tls-verify client-config-dir ccd-exclusive management management-client
  status status-version log log-append syslog daemon writepid user group chroot cd persist-key persist-tun verb mute
  admin-http`.split(/\s+/),
);

/** Of the user's server settings those that the client has to share. */
const SHARED = new Set(
  'tun-mtu auth cipher data-ciphers data-ciphers-fallback ncp-ciphers mssfix tls-groups'.split(' '),
);

/** Words of this server alone; another one would stumble over them. */
const OURS = new Set(['workers', 'tls-engine']);

export const TUNNEL = { server: '10.66.0.1', network: '10.66.0.0 255.255.0.0', port: 1194, device: 'tun0' };
export const ADMIN = { host: '127.0.0.1', port: 8505 };

export interface ServerConfigParts {
  /** Folder of the keys. */
  readonly keys: string;
  /** Lines of a user's server.conf: its settings are kept, see docs/bench.md. */
  readonly user: readonly string[];
  /** More lines; they win over the user's. */
  readonly extra: readonly string[];
  /** For this project's server. */
  readonly ours: boolean;
  readonly proto: Proto;
}

/** What a run is about, beside the user's lines: ciphers of the data channel, as both ends write them. */
export function cipherLines({ cipher, auth }: Pick<BenchOptions, 'cipher' | 'auth'>): string[] {
  const ofCipher = cipher === null ? [] : [`cipher ${cipher}`, `data-ciphers ${cipher}`];
  return auth === null ? ofCipher : [...ofCipher, `auth ${auth}`];
}

/** The lines of a server.conf; the same for both servers but for words of this one alone. */
export function serverConfig({ keys, user, extra, ours, proto }: ServerConfigParts): string[] {
  const fixed = [
    proto === 'tcp' ? 'proto tcp4-server' : 'proto udp4',
    `port ${TUNNEL.port}`,
    `dev ${TUNNEL.device}`,
    'topology subnet',
    `server ${TUNNEL.network}`,
    `ca ${keys}/ca.crt`,
    `cert ${keys}/server.crt`,
    `key ${keys}/server.key`,
    'dh none',
    `tls-crypt ${keys}/tc.key`,
    'duplicate-cn',
    'max-clients 20000',
    'connect-freq-initial 1000000 1',
    'verb 1',
  ];
  const kept = keptLines(user).filter((line) => ours || !OURS.has(firstWord(line)));
  const defaults = ['data-ciphers AES-256-GCM', 'keepalive 10 60'];
  return withoutRepeats([...fixed, ...defaults], kept, extra);
}

/** The lines of a client's profile for `shardvpn connect` and openvpn alike. */
export function clientConfig(
  keys: string,
  user: readonly string[],
  serverAddress: string,
  proto: Proto = 'udp',
): string[] {
  const fixed = [
    'client',
    proto === 'tcp' ? 'proto tcp4-client' : 'proto udp4',
    `remote ${serverAddress} ${TUNNEL.port}`,
    'nobind',
    `dev ${TUNNEL.device}`,
    'verb 3',
    `ca ${keys}/ca.crt`,
    `cert ${keys}/client.crt`,
    `key ${keys}/client.key`,
    'remote-cert-tls server',
    `tls-crypt ${keys}/tc.key`,
    // The end of a connection says as much.
    ...(proto === 'tcp' ? [] : ['explicit-exit-notify 1']),
    'connect-retry 1 2',
  ];
  return [...fixed, ...keptLines(user).filter((line) => SHARED.has(firstWord(line)))];
}

/** The user's lines without comments, inline blocks and what the harness decides. */
export function keptLines(user: readonly string[]): string[] {
  const kept: string[] = [];
  let block: string | null = null;
  for (const line of user.map((raw) => raw.trim())) {
    if (block !== null) {
      if (line === `</${block}>`) block = null;
      continue;
    }
    block = /^<([a-z0-9-]+)>$/.exec(line)?.[1] ?? null;
    if (block === null && line !== '' && !/^[#;]/.test(line) && !REPLACED.has(firstWord(line))) kept.push(line);
  }
  return kept;
}

/** Later lists win over earlier ones. */
function withoutRepeats(...lists: readonly (readonly string[])[]): string[] {
  return lists.flatMap((list, i) => {
    const later = new Set(lists.slice(i + 1).flatMap((other) => other.map(firstWord)));
    return list.filter((line) => !later.has(firstWord(line)));
  });
}

function firstWord(line: string): string {
  return (line.split(/\s/, 1)[0] ?? '').replace(/^--/, '');
}
