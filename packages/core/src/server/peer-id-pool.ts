import { asPeerId, type Millis, type PeerId } from '../ids.js';

/** Numbers with `id mod shards == shard`, so that steering by number finds this shard. [wire 16] */
export class PeerIdPool {
  readonly #shards: number;
  readonly #inherited: ReadonlySet<PeerId>;
  #nextFresh: number;
  readonly #released: { readonly peerId: PeerId; readonly at: Millis }[] = [];

  /** `inherited`: numbers that somebody has already; they are dealt after their release. */
  constructor(shard: number, shards: number, inherited: ReadonlySet<PeerId>) {
    this.#shards = shards;
    this.#inherited = inherited;
    this.#nextFresh = shard;
  }

  /** A number that nobody has had for a while: packets of its last owner may still be under way. null when all are in use. */
  take(now: Millis): PeerId | null {
    const oldest = this.#released[0];
    while (this.#inherited.has(asPeerId(this.#nextFresh))) this.#nextFresh += this.#shards;
    const noFresh = this.#nextFresh >= NO_PEER_ID;
    if (oldest !== undefined && (noFresh || oldest.at + REST <= now)) {
      this.#released.shift();
      return oldest.peerId;
    }
    if (noFresh) {
      return null;
    }
    const fresh = asPeerId(this.#nextFresh);
    this.#nextFresh += this.#shards;
    return fresh;
  }

  release(now: Millis, peerId: PeerId): void {
    this.#released.push({ peerId, at: now });
  }
}

/** Means "none" on the wire. [wire 16] */
const NO_PEER_ID = 0xffffff;
const REST: Millis = 60_000;
