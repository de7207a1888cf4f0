import type { PeerId } from '@shardvpn/core';

/** What the data thread says about a peer. */
export interface PeerActivity {
  readonly peerId: number;
  readonly idleSeconds: number;
}

/**
 * Clients whose worker is gone. Their data goes on, but nobody reports their silence any more: they keep their lease
 * and their peer-id until they have been silent for the ping timeout.
 */
export class Orphans {
  readonly #byShard = new Map<number, Set<PeerId>>();

  add(shard: number, peerIds: readonly PeerId[]): void {
    const orphans = this.#byShard.get(shard) ?? new Set();
    for (const peerId of peerIds) orphans.add(peerId);
    if (orphans.size > 0) this.#byShard.set(shard, orphans);
  }

  of(shard: number): PeerId[] {
    return [...(this.#byShard.get(shard) ?? [])];
  }

  /** Shards that have orphans. */
  shards(): number[] {
    return [...this.#byShard.keys()];
  }

  /** The number has been dealt again: whoever had it is gone. */
  forget(shard: number, peerId: PeerId): void {
    this.#take(shard, peerId);
  }

  /** Takes out the orphans of a shard that are silent for `limitSeconds`, or unknown to its data thread. */
  takeSilent(shard: number, peers: readonly PeerActivity[], limitSeconds: number): PeerId[] {
    const idle = new Map(peers.map(({ peerId, idleSeconds }) => [peerId, idleSeconds]));
    const silent = [...(this.#byShard.get(shard) ?? [])].filter(
      (peerId) => (idle.get(peerId) ?? Number.POSITIVE_INFINITY) >= limitSeconds,
    );
    for (const peerId of silent) this.#take(shard, peerId);
    return silent;
  }

  #take(shard: number, peerId: PeerId): void {
    const orphans = this.#byShard.get(shard);
    orphans?.delete(peerId);
    if (orphans?.size === 0) this.#byShard.delete(shard);
  }
}
