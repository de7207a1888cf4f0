export interface Form {
  readonly min: number;
  readonly max: number;
  readonly inline: boolean;
  readonly repeatable: boolean;
}

export const words = (min: number, max: number = min): Form => ({ min, max, inline: false, repeatable: false });
export const repeated = (min: number, max: number = min): Form => ({ ...words(min, max), repeatable: true });
export const fileOrBlock = (max: number = 1): Form => ({ ...words(1, max), inline: true });

/** Directives that are obeyed, with the number of their arguments. */
export const SUPPORTED_DIRECTIVES: Readonly<Record<string, Form>> = {
  // Listening
  local: repeated(1, 3),
  port: words(1),
  lport: words(1),
  proto: words(1),
  bind: words(0, 1),
  sndbuf: words(1),
  rcvbuf: words(1),
  'tcp-nodelay': words(0),
  'tcp-queue-limit': words(1),
  'port-share': words(2, 3),
  'proxy-protocol': repeated(1, 15),
  // Device and addresses
  dev: words(1),
  'dev-type': words(1),
  topology: words(1),
  mode: words(1),
  'tls-server': words(0),
  server: words(2, 3),
  'server-ipv6': words(1, 2),
  ifconfig: words(2),
  'ifconfig-ipv6': words(1, 2),
  'ifconfig-pool': words(2, 3),
  'ifconfig-ipv6-pool': words(1),
  'ifconfig-pool-persist': words(1, 2),
  route: repeated(1, 4),
  'route-ipv6': repeated(1, 3),
  'route-metric': words(1),
  'tun-mtu': words(1, 2),
  mssfix: words(0, 2),
  fragment: words(1, 2),
  'comp-lzo': words(0, 1),
  compress: words(0, 1),
  'allow-compression': words(1),
  // Clients
  push: repeated(1),
  'client-to-client': words(0),
  'duplicate-cn': words(0),
  'max-clients': words(1),
  keepalive: words(2),
  ping: words(1),
  'ping-restart': words(1),
  'explicit-exit-notify': words(0, 1),
  'connect-freq-initial': words(2),
  // Keys and certificates
  ca: fileOrBlock(),
  cert: fileOrBlock(),
  key: fileOrBlock(),
  dh: fileOrBlock(),
  'crl-verify': fileOrBlock(2),
  'tls-auth': fileOrBlock(2),
  'tls-crypt': fileOrBlock(),
  'tls-crypt-v2': fileOrBlock(2),
  'tls-crypt-v2-max-age': words(1),
  'key-direction': words(1),
  'remote-cert-tls': words(1),
  'verify-client-cert': words(0, 1),
  // Cryptography
  auth: words(1),
  cipher: words(1),
  'data-ciphers': words(1),
  'data-ciphers-fallback': words(1),
  'tls-version-min': words(1, 2),
  'tls-version-max': words(1),
  'tls-cipher': words(1),
  'tls-ciphersuites': words(1),
  'tls-groups': words(1),
  'ecdh-curve': words(1),
  'tls-engine': words(1),
  'reneg-sec': words(1, 2),
  'hand-window': words(1),
  'tran-window': words(1),
  // The process
  cd: words(1),
  status: words(1, 2),
  'status-version': words(0, 1),
  verb: words(1),
  log: words(1),
  'log-append': words(1),
  writepid: words(1),
  user: words(1),
  group: words(1),
  'persist-key': words(0),
  'persist-tun': words(0),
  'ignore-unknown-option': repeated(1, 15),
  // Of this server alone
  workers: words(1),
  'admin-http': words(1, 2),
};
