import { asPeerId, type Millis, type PeerId } from '../ids.js';

/** Numbers with `id mod shards == shard`, so that steering by number finds this shard. [wire 16] */
export class PeerIdPool {
  readonly #shard: number;
  readonly #shards: number;
  readonly #inherited = new Set<PeerId>();
  #nextFresh: number;
  readonly #released: { readonly peerId: PeerId; readonly at: Millis }[] = [];

  constructor(shard: number, shards: number) {
    this.#shard = shard;
    this.#shards = shards;
    this.#nextFresh = shard;
  }

  /** Somebody has this number already, which has not been dealt here; it is dealt after its release. */
  inherit(peerId: PeerId): void {
    this.#inherited.add(peerId);
  }

  /** The lowest number that nobody has had yet, for `resume`. */
  get nextFresh(): number {
    return this.#nextFresh;
  }

  /** Goes on after a pool that had come to `nextFresh`: what nobody has inherited below has been released, perhaps just now. */
  resume(now: Millis, nextFresh: number): void {
    for (let number = this.#shard; number < Math.min(nextFresh, NO_PEER_ID); number += this.#shards) {
      const peerId = asPeerId(number);
      if (!this.#inherited.has(peerId)) this.release(now, peerId);
      this.#nextFresh = number + this.#shards;
    }
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
export const NO_PEER_ID = 0xffffff;
const REST: Millis = 60_000;
