/**
 * The typed face of the native core. Every function throws an Error with a stable `code` (`EADDRINUSE`, `EACCES`, `ENOENT`, ...)
 * and a message that says what was being done. Numbers are plain, absence is `null`.
 */

export interface UdpGroupOptions {
  /** Numeric address; `0.0.0.0` or `::` for any. IPv6 sockets are always v6only. */
  host: string;
  port: number;
  /** The port is this program's already: listeners of ours overlap while one takes the place of another. */
  shared?: boolean;
  /** One SO_REUSEPORT socket per shard, in shard order. */
  shards: number;
  /** Socket buffers in bytes, forced past the system limit where permitted; 0 = 8 MiB wanted, whatever is got is fine. */
  receiveBuffer: number;
  sendBuffer: number;
  socket?: SocketOptions;
}
/** What is done to a socket before it is bound. */
export interface SocketOptions {
  /** SO_MARK; 0 = none. */
  mark: number;
  /** SO_BINDTODEVICE. */
  device: string | null;
  /** Path MTU discovery; null leaves what is usual: none for UDP. */
  mtuDiscovery: 'yes' | 'maybe' | 'no' | null;
  /** Have datagrams say which address they were sent to, so that answers come from it. */
  tellLocal: boolean;
}
export interface UdpGroup {
  fds: number[];
  port: number;
  receiveBuffer: number;
  steering: 'bpf' | 'hash';
  gro: boolean;
  gso: boolean;
}
export function openUdpGroup(options: UdpGroupOptions): UdpGroup;

export interface TcpGroup {
  fds: number[];
  port: number;
}
/** A listener of connections; the buffers are those of each connection, 0 leaves them to the kernel. */
export function openTcpGroup(options: UdpGroupOptions): TcpGroup;

export interface UdpClientOptions {
  /** Numeric address and port of the server. */
  host: string;
  port: number;
  /** Numeric address to send from, null = the one of the route. */
  localHost: string | null;
  /** 0 = any free port. */
  localPort: number;
  /** As in UdpGroupOptions. */
  receiveBuffer: number;
  sendBuffer: number;
  socket?: SocketOptions;
}
export interface UdpClient {
  fd: number;
  localHost: string;
  localPort: number;
  gro: boolean;
  gso: boolean;
}
/** The socket of a client, connected to its server. */
export function openUdpClient(options: UdpClientOptions): UdpClient;

export interface TcpClient {
  fd: number;
  localHost: string;
  localPort: number;
}
/** As `openUdpClient`, over TCP. It does not wait for the connection; the data thread reports the end of one that fails. */
export function openTcpClient(options: UdpClientOptions): TcpClient;

export interface TunOptions {
  /** `tun`, `tun3`: as the `dev` directive; a bare `tun` takes the first free number. */
  name: string;
  queues: number;
  mtu: number;
  /** `10.8.0.1/24` and `fd00::1/64` forms. */
  addresses: string[];
  /** Kernel routes into the device, CIDR; `via` null = link. */
  routes: { destination: string; via: string | null; metric: number | null }[];
}
export interface Tun {
  name: string;
  fds: number[];
  offloads: string[];
}
/** Creates the device, sets addresses, MTU and routes, brings it up. */
export function openTun(options: TunOptions): Tun;
/** Creates the device anew for `fds` whose device was deleted; the data threads' duplicates work again. */
export function reopenTun(fds: number[], options: TunOptions): void;
/**
 * Has the kernel put packets for the device into the queue of the shard that owns their destination. `fd` is one of its
 * queues. Before the first `startShard`, and again after `reopenTun`. EPERM where the process may not use bpf().
 */
export function steerTun(plane: number, fd: number): void;
/** Sets addresses and routes again, after the device was down. Those that are there stay. */
export function restoreTun(options: TunOptions): void;

export interface LinkNews {
  state: 'up' | 'down' | 'gone';
  /** It was down or gone at some moment since the last look: routes and IPv6 addresses are lost. */
  lost: boolean;
  /** 0 of a device that is gone. */
  mtu: number;
}
/** A descriptor for `lookAtLink`, to be closed with `closeFds`. */
export function openLinkWatch(): number;
export function lookAtLink(watch: number, device: string): LinkNews;
export function closeFds(fds: number[]): void;

/** `10.8.0.2/24`; `peer` is the other end of a point-to-point link. */
export interface DeviceAddress {
  address: string;
  peer: string | null;
}
export interface DeviceRoute {
  destination: string;
  via: string | null;
  metric: number | null;
}
export function setMtu(device: string, mtu: number): void;
export function addAddress(device: string, address: DeviceAddress): void;
export function removeAddress(device: string, address: DeviceAddress): void;
/** A route that exists already is EEXIST and stays as it is. */
export function addRoute(device: string, route: DeviceRoute): void;
export function removeRoute(device: string, route: DeviceRoute): void;
/** How a packet to this numeric address would leave the machine; ENETUNREACH when not at all. */
export function findWay(address: string): { device: string; via: string | null };

/** Before and after a change of the user: the calling thread keeps CAP_NET_ADMIN and nothing else. */
export function keepCapabilities(): void;
export function keepOnlyNetAdmin(): void;

export interface PlaneOptions {
  /** The end of the tunnel this is; a client has one peer, to which everything goes. */
  role?: 'server' | 'client';
  shards: number;
  clientToClient: boolean;
  /** What inner TCP must fit in; 0 = no clamp. */
  mssfix: number;
  /**
   * What is so large: a datagram, or what carries a packet in a connection, with IP and UDP or TCP headers (`outer`) or without,
   * or an inner packet. `usual`, the default, is `outer` for datagrams and nothing for connections.
   */
  mssfixOf?: 'usual' | 'outer' | 'datagram' | 'packet';
  /** Inner MTU. */
  tunMtu: number;
  /** Peers at most, over all shards. */
  maxPeers: number;
}
/** Process-wide state of one server: route table, address table. */
export function createPlane(options: PlaneOptions): number;
/**
 * How packets leave, before the first shard starts. `byDevice`: answers leave by the device that the packet came in by, where sockets
 * tell (`tellLocal`). `showsClass`: outer packets have the traffic class of the inner ones.
 */
export function setWays(plane: number, byDevice: boolean, showsClass: boolean): void;
/**
 * Has the kernel drop what nobody waits for, in a flood, before the data threads hear of it. Before the first shard starts. EPERM where
 * the process may not use bpf().
 */
export function filterFloods(plane: number): void;
/**
 * Limits of the plane's connections, from now on. `queueLimit`: packets that wait for a slow reader before more are dropped.
 * `openingMs`: how long a connection may be without a client. `maxOpening`: so many of a shard may be that.
 */
export function limitStreams(plane: number, queueLimit: number, openingMs: number, maxOpening: number): void;
/** Connections from these networks begin with a PROXY header, which says whose they are; all others do not. */
export function trustProxies(plane: number, networks: { address: string; bits: number }[]): void;
/** A connection that speaks something else than a client, and what it has said so far. */
export interface ForeignStream {
  /** The caller's own, to be closed with `closeFds` or by a socket that is made of it. */
  fd: number;
  bytes: Uint8Array;
  host: string;
  port: number;
}
/** From now on such connections are kept for `takeForeign`; `onWake` says that some have come. */
export function sharePort(plane: number, onWake: () => void): void;
export function unsharePort(plane: number): void;
export function takeForeign(plane: number): ForeignStream | null;
/** Joins every data thread of the plane and forgets it. The file descriptors stay open: they are the caller's. */
export function destroyPlane(plane: number): void;

export interface ShardFds {
  shard: number;
  /** Index = listener, of datagrams or of connections. The paths of the latter have the bit 0x8000 beside the index. null for a closed one. */
  udp: (number | null)[];
  /** null = no tunnel device (tests). */
  tun: number | null;
  /** Views over SharedArrayBuffers. */
  toData: Uint8Array;
  toWorker: Uint8Array;
  /** Hop rings, index = other shard, null at the own index. */
  hopIn: (Uint8Array | null)[];
  hopOut: (Uint8Array | null)[];
}
/** Starts the data thread of a shard. */
export function startShard(plane: number, options: ShardFds): void;
/** Sets everything up but the thread, which `takeSessions` starts. */
export function prepareShard(plane: number, options: ShardFds): void;

/**
 * Has the data thread of a shard read and send through a socket, as listener `listener`: a closed one, or the next number.
 * The descriptor stays the caller's. Both wait for the data thread: ETIMEDOUT when it has not done it after 2 s, but will.
 */
export function openListener(plane: number, shard: number, listener: number, fd: number): void;
/** Ends that. What is still to be sent by this listener goes out through `sendThrough`, or is refused and counted. */
export function closeListener(plane: number, shard: number, listener: number, sendThrough?: number | null): void;

/** Called from the worker: `onWake` runs on the worker's loop when its control ring has something and it was asleep. Replaces an earlier one. */
export function attachWorker(plane: number, shard: number, onWake: () => void): void;
export function detachWorker(plane: number, shard: number): void;
/** Wakes the data thread after a publish that found it sleeping. */
export function wakeShard(plane: number, shard: number): void;

export interface PeerCounters {
  peerId: number;
  bytesIn: number;
  bytesOut: number;
  packetsIn: number;
  packetsOut: number;
  /** Seconds since something authenticated came. */
  idleSeconds: number;
}
export interface ShardCounters {
  shard: number;
  /** `running`, `restarting` after a fault, `panicked` when it could not recover, `stopped`. */
  state: string;
  counters: { name: string; value: number }[];
  /** Drop reasons that are not 0, by name. */
  drops: { reason: string; value: number }[];
  /** Packets that took a hop, by reason. */
  hops: { reason: string; value: number }[];
  peers: PeerCounters[];
}
export function shardCounters(plane: number, shard: number): ShardCounters;
/** The part of the counters between a shard and the system, whatever the number of peers. */
export function shardIo(plane: number, shard: number): { name: string; value: number }[];
/** `state` of the counters alone, whatever the number of peers. */
export function shardState(plane: number, shard: number): string;
export interface SessionSnapshot {
  peerId: number;
  bytes: Uint8Array;
}
/**
 * Keeps what the next worker of the shard needs to go on with a session, for as long as the plane lives, whatever becomes of
 * the worker; wiped when it is replaced or dropped. False: beyond 64 KiB or the plane's `maxPeers`, nothing is kept then.
 */
/** `tls`: kept with the bytes, as it is now; no step of it may be computed. */
export function storeSnapshot(
  plane: number,
  shard: number,
  peerId: number,
  bytes: Uint8Array,
  tls: TlsServerSession | null,
): boolean;
/** What was kept with the snapshot; null where that has come further since, or has ended. */
export function resumeTls(plane: number, shard: number, peerId: number): TlsServerSession | null;
export function dropSnapshot(plane: number, shard: number, peerId: number): void;
/** Copies of all snapshots of a shard. */
export function readSnapshots(plane: number, shard: number): SessionSnapshot[];

export interface ShardPeer {
  peerId: number;
  /** The address record of docs/internal/rings/design.md; null when another peer has that address by now. */
  path: Uint8Array | null;
}
/** The peers that the shard's data thread serves, and where it sends their packets. */
export function shardPeers(plane: number, shard: number): ShardPeer[];

/** How often the data thread has failed and started anew, and what it said last. */
export function shardPanics(plane: number, shard: number): { count: number; last: string };
/** For tests: the data thread of the shard panics at its next turn. */
export function injectPanic(plane: number, shard: number): void;

/** Two connected ends for two processes; each is closed with `closeFds`. */
export function openHandOver(): { ours: number; theirs: number };
/** Sends bytes and duplicates of open descriptors. ETIMEDOUT after `limitMs`, EPIPE when the other end is closed. */
export function sendHandOver(channel: number, bytes: Uint8Array, fds: number[], limitMs: number): void;
export interface HandOverMessage {
  bytes: Uint8Array;
  /** The caller's own, to be closed with `closeFds`. */
  fds: number[];
}
/** The next message, null when the other end is closed; rejects after `limitMs`. */
export function receiveHandOver(channel: number, limitMs: number): Promise<HandOverMessage | null>;
/** Stops every data thread between two turns; packets wait in the kernel. After an error they run as before. */
export function haltPlane(plane: number): void;
/** Sends the sessions of a halted plane, keys included, which never reach JavaScript. Waits for up to `limitMs`. */
export function sendSessions(plane: number, channel: number, limitMs: number): void;
/** Takes in what `sendSessions` sends, waiting for up to `limitMs`, and starts the data threads. The number of sessions. */
export function takeSessions(plane: number, channel: number, limitMs: number): number;
/** The halted data threads go on; the other process, if it had the sessions, has ended. */
export function takeBackPlane(plane: number): void;
/** Maps and program that steer packets for the TUN, for `adoptSteering`; they stay the plane's. Empty without steering. */
export function steeringDescriptors(plane: number): number[];
/** As `steerTun`, with the descriptors of another process. */
export function adoptSteering(plane: number, fd: number, descriptors: number[]): void;
/** Tells the service manager at the address of NOTIFY_SOCKET. */
export function notifyService(address: string, text: string): void;

export interface HostCapabilities {
  tun: boolean;
  udpGro: boolean;
  udpGso: boolean;
  reuseportBpf: boolean;
  ipv6: boolean;
  cpu: string;
}
export function probeHost(): HostCapabilities;
export function parallelism(): number;
/** OPENVPN-independent build facts for `--version`. */
export function buildInfo(): { version: string; aead: string; profile: string };

/** What the handshakes of a server are made of. Certificates, key and lists are DER. */
export interface TlsServerOptions {
  ca: Uint8Array[];
  /** The server's certificate, then its intermediates. */
  chain: Uint8Array[];
  /** PKCS #8. */
  key: Uint8Array;
  crls: Uint8Array[];
  tls12: boolean;
  tls13: boolean;
  /** OpenSSL's names, separated by `:`, null = the default. What is not known is left out. */
  cipherList: string | null;
  cipherSuites: string | null;
  groups: string | null;
  clientCertificate: 'require' | 'optional' | 'none';
}
/** TLS by rustls. The constructor throws with the code ENOTSUP what it has not, in words that follow "because". */
export class TlsServer {
  constructor(options: TlsServerOptions);
  open(): TlsServerSession;
  /** The first answer to a client takes a millisecond or more of computing. */
  readonly signsSlowly: boolean;
}
/** One session; its owner brings the bytes. Memory is freed by the garbage collector, or by `free`. */
export class TlsServerSession {
  private constructor();
  /** Bytes of the peer, cut in any way. After a failure nothing comes any more. */
  feed(bytes: Uint8Array): TlsStep;
  /** `feed` on a thread of Node's pool. One at a time, and nothing else of the session meanwhile but `free`, which may have to wait. */
  feedLater(bytes: Uint8Array): Promise<TlsStep>;
  /** One record; empty unless the session lives and its handshake is done. */
  send(plaintext: Uint8Array): Uint8Array;
  /** RFC 5705 without context; null unless the session lives and its handshake is done. */
  exportKeyingMaterial(label: string, length: number): Uint8Array | null;
  /** Whether its handshake is done, and it has not ended. */
  readonly established: boolean;
  /** Ends the session; the close_notify for the peer. */
  close(): Uint8Array;
  /** Frees what the session holds; it fails from then on. */
  free(): void;
}
/** What came of some bytes, in the order of the fields. */
export interface TlsStep {
  /** For the peer; empty when there is nothing. */
  ciphertext: Uint8Array;
  /** The handshake is done, told once. */
  established: TlsEstablished | null;
  /** One for each record. */
  plaintexts: Uint8Array[];
  failure: TlsFailure | null;
}
export interface TlsEstablished {
  /** `TLSv1.3` */
  version: string;
  /** OpenSSL's name. */
  cipher: string;
  /** DER, the peer's own first; none when it showed none. */
  certificates: Uint8Array[];
}
export interface TlsFailure {
  /** `unjudged`: the certificate has a form that only OpenSSL can judge; `incompatible`: nothing that the client offers is here. */
  kind: 'certificate' | 'unjudged' | 'incompatible' | 'other';
  /** Of `certificate` the name of OpenSSL's verdict, otherwise words. */
  reason: string;
}

/** AES-256 in counter mode over `text`, in place, the 128-bit counter beginning with `iv`. False for a key or IV of another length. */
export function aes256Ctr(key: Uint8Array, iv: Uint8Array, text: Uint8Array): boolean;
/** HMAC into `tag`, with the digest of the SHA family that has its length. False when none has. */
export function hmac(key: Uint8Array, text: Uint8Array, tag: Uint8Array): boolean;
/**
 * tls-crypt over a packet of `header` bytes, 32 for the tag, and plaintext, in place. `key`: 32 bytes for AES, 32 for HMAC. False for
 * another shape.
 */
export function tlsCryptSeal(key: Uint8Array, header: number, packet: Uint8Array): boolean;
/** Opens the sealed packet in the first `length` bytes of `buffer`, in place. False for what is not genuine. */
export function tlsCryptOpen(key: Uint8Array, header: number, length: number, buffer: Uint8Array): boolean;
