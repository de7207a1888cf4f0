import type { ClientWrapOptions, DataCipher, LayerPolicy, PullFilter } from '@shardvpn/core';
import type { TlsOptions } from '@shardvpn/worker';
import type { Limits } from '../config/limits.js';
import type { ServerConfig } from '../config/server-config.js';
import type { SocketSettings } from '../config/socket-settings.js';
import type { LoginPolicy } from './login.js';

/** A server to try. */
export interface Remote {
  /** Name or numeric address. */
  readonly host: string;
  readonly port: number;
  /** null = whichever the name has. */
  readonly family: 4 | 6 | null;
  /** Absent: UDP. */
  readonly transport?: 'tcp';
}

/** What a client's profile means, after every file has been read and every default been filled in. Seconds and bytes. */
export interface ClientProfile
  extends Pick<ServerConfig, 'verb' | 'log' | 'writepid' | 'user' | 'group' | 'mssfix' | 'mssfixOf'>,
    Limits,
    SocketSettings {
  /** For messages: the file the profile came from. */
  readonly source: string;
  readonly remotes: readonly Remote[];
  /** How long names are looked up again before giving up; null = for ever. */
  readonly resolveRetry: number | null;
  readonly localHost: string | null;
  /** 0 = any free port. */
  readonly localPort: number;
  readonly sndbuf: number;
  readonly rcvbuf: number;
  readonly device: string;
  readonly tunMtu: number;
  /** The largest one that the server may push. */
  readonly tunMtuMax: number;
  /** Compression framing, where the server pushes none, and fragments. */
  readonly layers: LayerPolicy;
  readonly tls: TlsOptions;
  readonly wrap: ClientWrapOptions;
  readonly dataCiphers: readonly DataCipher[];
  readonly fallbackCipher: DataCipher | null;
  /** `cipher` and `auth` as written, for the options string. */
  readonly cipher: string;
  readonly auth: string;
  /** null: a certificate alone. */
  readonly login: LoginPolicy | null;
  /** Try again after AUTH_FAILED instead of giving up. */
  readonly authRetry: boolean;
  readonly renegSec: number;
  readonly handWindow: number;
  readonly tranWindow: number;
  /** Longest wait for the first answer of a server. */
  readonly connectTimeout: number;
  /** Used where the server pushes none. */
  readonly pingInterval: number;
  readonly pingTimeout: number;
  /** `pingTimeout` ends the client, not only the connection. */
  readonly pingExits: boolean;
  readonly connectRetry: { readonly first: number; readonly longest: number };
  /** Failed attempts in a row after which the client gives up; null = never. */
  readonly connectRetryMax: number | null;
  readonly exitNotify: boolean;
  /** The device keeps its addresses and routes between two connections. */
  readonly persistTun: boolean;
  readonly pullFilters: readonly PullFilter[];
  /** Routes and DNS that the server pushes are left out. */
  readonly routeNopull: boolean;
  /** Own `route`, `route-ipv6`, `redirect-gateway`, `topology` and `route-metric` lines, in the form of pushed options. */
  readonly ownOptions: readonly string[];
}
