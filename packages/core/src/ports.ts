/** What the core is given from outside: cryptography for the control channel, and a TLS engine. */

export type DigestName = 'md5' | 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512';

/** Synchronous primitives of the control channel. The data channel's cipher is not here: it runs in the data thread. */
export interface CryptoProvider {
  /** Cryptographically secure; a seeded generator in simulations. */
  randomBytes(length: number): Uint8Array;
  /** HMAC over the concatenation of `parts`; full digest length. */
  hmac(digest: DigestName, key: Uint8Array, parts: readonly Uint8Array[]): Uint8Array;
  /** AES-256 in counter mode, 128-bit big-endian counter starting at `iv`; the same call seals and opens. */
  aes256Ctr(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array;
  /** Constant-time comparison; false when the lengths differ. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
  /** The cipher of tls-crypt in one piece, for each direction with the key of AES and that of the HMAC. Absent: made of the others. [wire 5] */
  tlsCrypt?(sendKey: Uint8Array, receiveKey: Uint8Array): TlsCryptCodec;
}

/** The cipher of tls-crypt over any associated data. */
export interface TlsCryptCodec {
  /** Header, tag and ciphertext: a packet of its own memory. */
  seal(header: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** Plaintext of what `seal` has made, valid until the next call; null when it is not genuine. `packet` has room for the tag. */
  open(headerLength: number, packet: Uint8Array): Uint8Array | null;
}

/** The peer's certificate as the engine has verified it. */
export interface PeerCertificate {
  readonly commonName: string;
  /** One line, `C=.., O=.., CN=..`, leaf first attribute first. */
  readonly subject: string;
  /** Serial number, upper-case hex without separators. */
  readonly serial: string;
  /** SHA-256 of every certificate of the verified chain, leaf first, lower-case hex. Locked for the connection. [wire 17] */
  readonly chainHashes: readonly string[];
  /** End of validity, unix seconds. */
  readonly notAfter: number;
}

export type TlsEvent =
  /** Bytes for the peer, in order; any length. */
  | { readonly type: 'ciphertext'; readonly bytes: Uint8Array }
  /** Handshake done; null when the peer showed no certificate and the engine's policy allows that. */
  | {
      readonly type: 'established';
      readonly certificate: PeerCertificate | null;
      readonly version: string;
      readonly cipher: string;
    }
  /** One decrypted TLS record. */
  | { readonly type: 'plaintext'; readonly bytes: Uint8Array }
  /** Fatal; `ciphertext` events before it may carry the alert. `reason` is a line for the log. */
  | { readonly type: 'failed'; readonly reason: string };

/** A TLS session in the hands of somebody who outlives its engine. Means nothing here. */
export type KeptTls = object;

/** One TLS session of one key id. Synchronous in shape: an engine that works later calls `onProgress`. */
export interface TlsSession {
  /** TLS bytes from the peer, in order. Copies what it keeps. */
  feed(bytes: Uint8Array): void;
  /** Plaintext for the peer, as exactly one TLS record. Copies what it keeps. */
  send(plaintext: Uint8Array): void;
  /** Next thing that happened, or undefined when there is nothing now. */
  poll(): TlsEvent | undefined;
  /**
   * RFC 5705 exporter without context; null when the session has failed or is closed, which may be before `poll` has told.
   * Throws `api-misuse` before `established`. [wire 11.2]
   */
  exportKeyingMaterial(label: string, length: number): Uint8Array | null;
  /** The session as it is now, for `TlsEngine.resume`; null, or absent, where another engine could not go on with it. */
  readonly kept?: KeptTls | null;
  /** Frees the session; nothing is sent. Idempotent. */
  destroy(): void;
}

export interface TlsEngine {
  /** `onProgress` is called, never from inside another call of the session, when `poll` has something new. */
  open(role: 'server' | 'client', onProgress: () => void): TlsSession;
  /** Goes on with a session of an earlier engine's server; null when that has come further since it was kept, or cannot be. */
  resume?(kept: KeptTls, onProgress: () => void): TlsSession | null;
}
