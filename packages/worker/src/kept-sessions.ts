import { asPeerId, type InheritedPeer, type SnapshotChange } from '@shardvpn/core';
import { dropSnapshot, readSnapshots, resumeTls, shardPeers, storeSnapshot, TlsServerSession } from '@shardvpn/native';
import { PathDecoder } from './path-record.js';
import type { Suspects } from './suspects.js';

/** What the native core keeps of a shard's clients, whatever becomes of its workers. */
export class KeptSessions {
  readonly #plane: number;
  readonly #shard: number;
  readonly #suspects: Suspects;
  #refused = false;

  constructor(plane: number, shard: number, suspects: Suspects) {
    this.#plane = plane;
    this.#shard = shard;
    this.#suspects = suspects;
  }

  /** Everyone who has a snapshot or a place in the data thread, as it is now. */
  inheritedPeers(): InheritedPeer[] {
    const paths = new PathDecoder();
    const peers = new Map<number, InheritedPeer>();
    for (const { peerId, bytes } of readSnapshots(this.#plane, this.#shard)) {
      const tls = resumeTls(this.#plane, this.#shard, peerId);
      peers.set(peerId, { peerId: asPeerId(peerId), served: false, path: null, bytes, tls });
    }
    for (const { peerId, path } of shardPeers(this.#plane, this.#shard)) {
      peers.set(peerId, {
        peerId: asPeerId(peerId),
        served: true,
        path: path === null ? null : (paths.decode(path) ?? null),
        bytes: peers.get(peerId)?.bytes ?? null,
        tls: peers.get(peerId)?.tls ?? null,
      });
    }
    return [...peers.values()].map((peer) => ({ ...peer, deaths: this.#suspects.deaths(peer.peerId) }));
  }

  keep(change: SnapshotChange): void {
    const { peerId } = change;
    if (change.type === 'drop') {
      dropSnapshot(this.#plane, this.#shard, peerId);
      this.#suspects.forget(peerId);
    } else {
      const tls = change.tls instanceof TlsServerSession ? change.tls : null;
      if (!storeSnapshot(this.#plane, this.#shard, peerId, change.bytes, tls)) this.#sayRefused();
    }
  }

  #sayRefused(): void {
    if (this.#refused) return;
    this.#refused = true;
    process.emitWarning('a session is too large to be kept: its client connects again should this worker fail');
  }
}
