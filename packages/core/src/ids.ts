/** 24-bit number of a client on the wire of the data channel, `peer-id mod shards == shard`. [wire 16] */
export type PeerId = number & { readonly brand: 'PeerId' };

/** 3-bit number of a key generation: 0 once, then 1..7 round and round. [wire 17] */
export type KeyId = number & { readonly brand: 'KeyId' };

/** Monotonic milliseconds. Only the worker's drive loop reads the clock. */
export type Millis = number;

/** Seconds since 1970, needed by the replay ids of the control channel. [wire 6] */
export type UnixSeconds = number;

/** Where a packet came from or goes to: a listener of this server and the peer's address. */
export interface Path {
  /** Index of the listener in the configuration's order, below 256, with `STREAM_BIT` for connections, and in between which address of this machine the peer uses. */
  readonly listener: number;
  /** Numeric address, IPv4 dotted or IPv6 in RFC 5952 form, never v4-mapped. */
  readonly host: string;
  readonly port: number;
}

/** Listeners of streams (TCP) have it beside their index, so that a path says how its packets travel. */
export const STREAM_BIT = 0x8000;

/** A connection: packets come in order, from nowhere else, and the path never changes. [wire 1, 16] */
export const isStream = ({ listener }: Path): boolean => (listener & STREAM_BIT) !== 0;

export const asPeerId = (n: number): PeerId => n as PeerId;
export const asKeyId = (n: number): KeyId => n as KeyId;

/** Index of the path's listener. */
export const listenerIndex = ({ listener }: Path): number => listener & 0xff;

/** Stable text of a path, for maps and cookies. */
export const pathKey = (path: Path): string => `${path.listener}|${path.host}|${path.port}`;
