import type {
  DataCipher,
  DataLimits,
  LayerPolicy,
  ReplayTolerance,
  TlsCryptV2Options,
  WrapOptions,
} from '@shardvpn/core';
import type { TlsOptions } from '@shardvpn/worker';
import type { MssFix } from './mssfix.js';
import type { ScriptCommand } from './script-command.js';

/** One socket group. `proto udp` without `local` gives two of them, one a family. */
export interface ListenerConfig {
  /** Absent: UDP. */
  readonly transport?: 'tcp';
  readonly family: 4 | 6;
  /** Numeric address; `0.0.0.0` or `::` for any. */
  readonly host: string;
  readonly port: number;
  /** A family the machine may lack (`proto udp` without `local`): no error when it cannot be opened. */
  readonly optional: boolean;
}

/** What a `server.conf` means, after every file has been read and every default been filled in. */
export interface ServerConfig {
  /** For messages: the file the configuration came from. */
  readonly source: string;
  readonly listeners: readonly ListenerConfig[];
  /** Shards; null = the machine's parallelism. */
  readonly workers: number | null;
  readonly device: string;
  readonly tunMtu: number;
  readonly mssfix: MssFix['mssfix'];
  readonly mssfixOf: MssFix['mssfixOf'];
  /** Addresses are numeric text; the pool's ends are inclusive. */
  readonly ipv4: {
    readonly network: string;
    readonly netmask: string;
    readonly bits: number;
    readonly server: string;
    readonly pool: { readonly first: string; readonly last: string } | null;
  } | null;
  readonly ipv6: {
    readonly network: string;
    readonly bits: number;
    readonly server: string;
    readonly pool: { readonly first: string; readonly size: number } | null;
  } | null;
  readonly poolPersist: { readonly file: string; readonly seconds: number } | null;
  /** Compression framing and fragments. */
  readonly layers: LayerPolicy;
  readonly routes: readonly {
    readonly destination: string;
    readonly via: string | null;
    readonly metric: number | null;
  }[];
  /** All global push options in the order they are sent: the helpers' ones (`route-gateway`, `topology`, `ping`, ...) and the `push` lines. */
  readonly push: readonly string[];
  readonly clientToClient: boolean;
  readonly duplicateCn: boolean;
  readonly maxClients: number;
  /** Seconds, the server's own timers (`ping-restart` already doubled by `keepalive`). */
  readonly pingInterval: number;
  readonly pingTimeout: number;
  readonly tls: TlsOptions;
  /** File behind `tls.crl`, read again at SIGHUP and when it changes; null when inline or absent. */
  readonly crlFile: string | null;
  readonly wrap: WrapOptions;
  /** Clients with keys of their own, beside those of `wrap`; null takes none. */
  readonly tlsCryptV2: TlsCryptV2Options | null;
  /** Command that decides about such keys. */
  readonly tlsCryptV2Verify: ScriptCommand | null;
  readonly dataCiphers: readonly DataCipher[];
  readonly fallbackCipher: DataCipher | null;
  /** `cipher` and `auth` as written, for the options string. */
  readonly cipher: string;
  readonly auth: string;
  readonly renegSec: number;
  readonly handWindow: number;
  readonly tranWindow: number;
  readonly explicitExitNotify: 0 | 1 | 2;
  /** New connections at most; null for any number. */
  readonly connectFreq: { readonly count: number; readonly seconds: number } | null;
  readonly dataLimits: DataLimits;
  /** Seconds, 0 = any time. */
  readonly sessionTimeout: number;
  /** null = ours for data, OpenVPN's for control packets. */
  readonly replayWindow: ReplayTolerance | null;
  /** Seconds until the first retransmission of a control packet. */
  readonly tlsTimeout: number;
  /** Of a control packet with its IP and UDP headers, in bytes. */
  readonly maxPacketSize: number;
  readonly connectFreqInitial: { readonly count: number; readonly seconds: number };
  /** Of every socket. `mark` 0 and null: nothing special. */
  readonly socket: {
    readonly mark: number;
    /** Network device or VRF. */
    readonly device: string | null;
    readonly mtuDiscovery: 'yes' | 'maybe' | 'no' | null;
  };
  /** Answers come from the address that was hit; null leaves that to the routes. */
  readonly multihome: { readonly sameInterface: boolean } | null;
  /** Outer packets have the traffic class of the inner ones. */
  readonly passtos: boolean;
  /** Bytes, 0 = ours. */
  readonly sndbuf: number;
  readonly rcvbuf: number;
  /** Packets that wait for a slow reader of a connection; more are dropped. */
  readonly tcpQueueLimit: number;
  /** Where connections that are no clients go; null closes them. */
  readonly portShare: { readonly host: string; readonly port: number } | null;
  /** Whose connections begin with a PROXY header. */
  readonly proxyProtocol: readonly { readonly address: string; readonly bits: number }[];
  readonly status: { readonly file: string; readonly seconds: number; readonly version: 1 | 2 | 3 } | null;
  /** Where files for commands are written. */
  readonly tmpDir: string;
  readonly verb: number;
  readonly log: { readonly file: string; readonly append: boolean } | null;
  readonly writepid: string | null;
  readonly user: string | null;
  readonly group: string | null;
  readonly adminHttp: { readonly host: string; readonly port: number; readonly token: string | null } | null;
}
