import type { TlsOptions } from '@shardvpn/worker';
import { parseAddress } from '../registry/ip-address.js';
import type { ServerConfig } from './server-config.js';

/** What reading a setting again may do to a running server. */
export interface ReloadRule {
  /** As an operator knows it, several separated by `/`; '' is no directive. */
  readonly directive: string;
  /** Why the difference needs a restart, null when it does not. Absent: it never does. */
  readonly refuse?: (before: ServerConfig, after: ServerConfig) => string | null;
  /** Settings that this one is derived from in part: it stays when one of them has to. */
  readonly partOf?: readonly (keyof ServerConfig)[];
}

const restart =
  (reason: string): (() => string) =>
  () =>
    reason;

const BUFFERS = restart('open sockets keep their buffers');
const SOCKETS = restart('open sockets are as they were opened');
const DATA_THREADS = restart('the data threads are started with it');
const FILES = restart('the file is opened at the start, before user and group');
const IDENTITY = restart('the process is what it is since the start');

/** One rule for every setting: a new one does not compile without. */
export const RELOAD_RULES: Readonly<Record<keyof ServerConfig, ReloadRule>> = {
  source: { directive: '' },
  listeners: { directive: 'port/proto/local/bind' },
  workers: { directive: 'workers', refuse: restart('sockets, queues and peer-ids are dealt out among the shards') },
  device: { directive: 'dev', refuse: restart('the device is opened at the start') },
  tunMtu: { directive: 'tun-mtu', refuse: restart('device and clients have agreed on it') },
  mssfix: { directive: 'mssfix', refuse: DATA_THREADS },
  mssfixOf: { directive: 'mssfix', refuse: DATA_THREADS, partOf: ['mssfix'] },
  ipv4: { directive: 'server/ifconfig-pool', refuse: (before, after) => refuseIpv4(before.ipv4, after.ipv4) },
  ipv6: {
    directive: 'server-ipv6/ifconfig-ipv6-pool',
    refuse: (before, after) => refuseIpv6(before.ipv6, after.ipv6),
  },
  layers: { directive: 'compress/comp-lzo/allow-compression/fragment' },
  poolPersist: { directive: 'ifconfig-pool-persist', refuse: FILES },
  routes: { directive: 'route/route-ipv6', partOf: ['ipv4', 'ipv6', 'device'] },
  push: { directive: 'push', partOf: ['ipv4', 'ipv6'] },
  clientToClient: { directive: 'client-to-client', refuse: DATA_THREADS },
  duplicateCn: { directive: 'duplicate-cn' },
  maxClients: { directive: 'max-clients' },
  pingInterval: { directive: 'keepalive/ping', partOf: ['push'] },
  pingTimeout: { directive: 'keepalive/ping-restart', partOf: ['push'] },
  tls: { directive: 'tls' },
  crlFile: { directive: 'crl-verify' },
  wrap: {
    directive: 'tls-auth/tls-crypt/key-direction',
    refuse: restart('connected clients speak with the key that they know'),
  },
  tlsCryptV2: { directive: 'tls-crypt-v2/tls-crypt-v2-max-age' },
  tlsCryptV2Verify: { directive: 'tls-crypt-v2-verify' },
  dataCiphers: { directive: 'data-ciphers' },
  fallbackCipher: { directive: 'data-ciphers-fallback' },
  cipher: { directive: 'cipher' },
  auth: { directive: 'auth', partOf: ['wrap'] },
  renegSec: { directive: 'reneg-sec' },
  handWindow: { directive: 'hand-window' },
  tranWindow: { directive: 'tran-window' },
  explicitExitNotify: { directive: 'explicit-exit-notify' },
  connectFreqInitial: { directive: 'connect-freq-initial' },
  connectFreq: { directive: 'connect-freq' },
  dataLimits: { directive: 'reneg-bytes/reneg-pkts/inactive' },
  sessionTimeout: { directive: 'session-timeout' },
  replayWindow: { directive: 'replay-window' },
  tlsTimeout: { directive: 'tls-timeout' },
  maxPacketSize: { directive: 'max-packet-size' },
  socket: { directive: 'mark/bind-dev/mtu-disc', refuse: SOCKETS },
  multihome: { directive: 'multihome', refuse: SOCKETS },
  passtos: { directive: 'passtos', refuse: DATA_THREADS },
  sndbuf: { directive: 'sndbuf', refuse: BUFFERS },
  rcvbuf: { directive: 'rcvbuf', refuse: BUFFERS },
  tcpQueueLimit: { directive: 'tcp-queue-limit' },
  portShare: { directive: 'port-share' },
  proxyProtocol: { directive: 'proxy-protocol' },
  status: { directive: 'status/status-version', refuse: FILES },
  tmpDir: { directive: 'tmp-dir' },
  verb: { directive: 'verb' },
  log: { directive: 'log/log-append', refuse: FILES },
  writepid: { directive: 'writepid', refuse: FILES },
  user: { directive: 'user', refuse: IDENTITY },
  group: { directive: 'group', refuse: IDENTITY },
  adminHttp: { directive: 'admin-http', refuse: restart('its port is opened at the start') },
};

/** Every setting of TLS changes for the handshakes to come. */
export const TLS_DIRECTIVES: Readonly<Record<keyof TlsOptions, string>> = {
  ca: 'ca',
  cert: 'cert',
  key: 'key',
  crl: 'crl-verify',
  minVersion: 'tls-version-min',
  maxVersion: 'tls-version-max',
  cipherList: 'tls-cipher',
  cipherSuites: 'tls-ciphersuites',
  groups: 'tls-groups',
  rustlsGroups: 'tls-groups',
  engine: 'tls-engine',
  remoteCertTls: 'remote-cert-tls',
  clientCertificate: 'verify-client-cert',
  verifyName: 'verify-x509-name',
};

const NETWORK = 'device and clients have addresses of the network';
const POOL = 'a pool can grow at its end; clients may have the addresses that would leave it';

/** The end of the pool may move up. */
const refuseIpv4 = (before: ServerConfig['ipv4'], after: ServerConfig['ipv4']): string | null => {
  if (before === null || after === null) return NETWORK;
  const { network, bits, server, pool } = after;
  if (network !== before.network || bits !== before.bits || server !== before.server) return NETWORK;
  if (pool === null || before.pool === null || pool.first !== before.pool.first) return POOL;
  return numberOf(pool.last) >= numberOf(before.pool.last) ? null : POOL;
};

const refuseIpv6 = (before: ServerConfig['ipv6'], after: ServerConfig['ipv6']): string | null => {
  if (before === null || after === null) return NETWORK;
  const { network, bits, server, pool } = after;
  if (network !== before.network || bits !== before.bits || server !== before.server) return NETWORK;
  if (pool === null || before.pool === null || pool.first !== before.pool.first) return POOL;
  return pool.size >= before.pool.size ? null : POOL;
};

const numberOf = (address: string): bigint => parseAddress(address)?.value ?? 0n;
