import type { DataLimits } from './data-limits.js';
import type { DataLayers } from './framing.js';
import type { KeyId, Path, PeerId, UnixSeconds } from './ids.js';
import type { ReplayTolerance } from './wrap/replay-window.js';
import type { WrapOptions } from './wrap/wrap-options.js';

/** Data-channel ciphers the native data path implements: they authenticate, or an HMAC does it for them. [wire 12] */
export const AEAD_CIPHERS = ['AES-256-GCM', 'AES-192-GCM', 'AES-128-GCM', 'CHACHA20-POLY1305'] as const;
export const DATA_CIPHERS = [...AEAD_CIPHERS, 'AES-256-CBC', 'AES-192-CBC', 'AES-128-CBC', 'none'] as const;
export type DataCipher = (typeof DATA_CIPHERS)[number];

/** Digests of the data channel's HMAC; an AEAD has none. [wire 12.3] */
export const AUTH_DIGESTS = ['none', 'SHA1', 'SHA224', 'SHA256', 'SHA384', 'SHA512'] as const;
export type AuthDigest = (typeof AUTH_DIGESTS)[number];

/** Layouts of a data packet. [wire 12] */
export const PACKET_FORMATS = ['aead', 'epoch', 'cbc', 'plain'] as const;
export type PacketFormat = (typeof PACKET_FORMATS)[number];

/** How the data packets of a client are laid out and protected: all its keys have the same. */
export interface DataSuite {
  readonly format: PacketFormat;
  readonly cipher: DataCipher;
  readonly auth: AuthDigest;
}

/** Key material of one direction: its two slots of keys256, 64 bytes each. [wire 11.3] */
export interface DirectionKey {
  readonly cipher: Uint8Array;
  readonly hmac: Uint8Array;
}

/** What a data thread needs to answer resets as `AdmissionGate` does, and to know the cookies of both. [wire 7] */
export interface AdmissionOrder {
  readonly wrap: WrapOptions;
  /** 128 bytes; null without tls-crypt-v2. */
  readonly tlsCryptV2Key: Uint8Array | null;
  readonly cookieKey: Uint8Array;
  readonly slotSeconds: number;
  /** Answers to one address. */
  readonly limit: { readonly count: number; readonly seconds: number };
  /** Sessions that follow must not begin before the answers, so both go by this clock. [wire 6] */
  readonly unixNow: UnixSeconds;
}

/**
 * Orders for the data thread, polled from a `Server` or `Client` and carried out in order.
 * INVARIANT: the worker hands every command to the control ring before the transmits polled after it,
 * so keys are installed before the PUSH_REPLY that lets the client use them. (design 5)
 */
export type DataCommand =
  | {
      readonly type: 'add-peer';
      readonly peerId: PeerId;
      readonly path: Path;
      /** True: DATA_V2 both ways. False: DATA_V1, the peer is found by address. [wire 16] */
      readonly dataV2: boolean;
      /** Inner addresses of this peer: become host routes and the allowed source addresses. Numeric text, or null. */
      readonly ipv4: string | null;
      readonly ipv6: string | null;
      /** Send a ping after this many seconds without output; 0 = never. [wire 13] */
      readonly pingInterval: number;
      /** Report `silent` after this many seconds without an authenticated packet; 0 = never. */
      readonly pingTimeout: number;
      /** Absent: neither framing nor fragments. */
      readonly layers?: DataLayers;
    }
  /** Other inner addresses, and ping times where they are not null, from now on. [wire 15] */
  | {
      readonly type: 'update-peer';
      readonly peerId: PeerId;
      readonly ipv4: string | null;
      readonly ipv6: string | null;
      readonly pingInterval: number | null;
      readonly pingTimeout: number | null;
    }
  /** Between `add-peer` and the first key. `replayWindow` null leaves the data thread's own. */
  | (DataLimits & {
      readonly type: 'limit-peer';
      readonly peerId: PeerId;
      readonly replayWindow: ReplayTolerance | null;
    })
  /**
   * A key with the id of the one that is sealed with stands beside it: each opens its own packets, and the first one that the new key
   * opens makes it the one to seal with.
   */
  | {
      readonly type: 'install-key';
      readonly peerId: PeerId;
      readonly keyId: KeyId;
      readonly suite: DataSuite;
      readonly seal: DirectionKey;
      readonly open: DirectionKey;
    }
  /** From now on seal with this key, the newer one of two. The first key of a peer is used without this. [wire 12.6] */
  | { readonly type: 'use-key'; readonly peerId: PeerId; readonly keyId: KeyId }
  /** The older one of two. */
  | { readonly type: 'retire-key'; readonly peerId: PeerId; readonly keyId: KeyId }
  /** An authenticated control packet counts as a sign of life. [wire 13] */
  | { readonly type: 'touch-peer'; readonly peerId: PeerId }
  /** Tell the peer with an OCC EXIT that we leave: the word that needs no control channel. [wire 13] */
  | { readonly type: 'notify-exit'; readonly peerId: PeerId }
  | { readonly type: 'remove-peer'; readonly peerId: PeerId }
  /** Nobody is served through the connection any more: it is closed once what was sent has left. */
  | { readonly type: 'close-connection'; readonly path: Path }
  /** How unknown clients are answered without the worker from now on; null: they are not. [wire 7] */
  | { readonly type: 'admit-by'; readonly order: AdmissionOrder | null };

/** What the data thread reports, mostly about an active peer. */
export type DataEvent =
  /** An authenticated, fresh packet came from another address; data already goes there. [wire 16] */
  | { readonly type: 'floated'; readonly peerId: PeerId; readonly path: Path }
  /** The same, but the address belongs to another live peer: nothing has moved. */
  | { readonly type: 'float-conflict'; readonly peerId: PeerId; readonly holder: PeerId; readonly path: Path }
  /** OCC EXIT inside the data channel. [wire 13] */
  | { readonly type: 'exit'; readonly peerId: PeerId }
  /** A limit of the key is reached: renegotiate. Said once per key. [wire 12.1, 17] */
  | { readonly type: 'key-limit'; readonly peerId: PeerId; readonly keyId: KeyId }
  /** Nothing authenticated came for `pingTimeout` seconds. */
  | { readonly type: 'silent'; readonly peerId: PeerId }
  /** Less traffic than `inactive` asks for. Said again after each further period. */
  | { readonly type: 'inactive'; readonly peerId: PeerId }
  /** The connection is gone. */
  | { readonly type: 'closed'; readonly path: Path }
  /** A reset came from an address that was answered as often as connect-freq-initial allows. */
  | { readonly type: 'rate-limited'; readonly path: Path }
  /** The data thread has failed and started anew: it knows no peer of before any more. */
  | { readonly type: 'reset' };
