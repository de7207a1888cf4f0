import { describe, expect, test } from '@jest/globals';
import { asPeerId } from '@shardvpn/core';
import { Orphans } from './orphans.js';

const [P0, P2, P4] = [asPeerId(0), asPeerId(2), asPeerId(4)];

describe('orphans', () => {
  test('are taken when they have been silent long enough, or their data thread does not know them', () => {
    const orphans = new Orphans();
    orphans.add(0, [P0, P2, P4]);
    const peers = [
      { peerId: 0, idleSeconds: 119 },
      { peerId: 2, idleSeconds: 120 },
    ];
    expect(orphans.takeSilent(0, peers, 120)).toEqual([P2, P4]);
    expect(orphans.of(0)).toEqual([P0]);
  });

  test('a shard without orphans is not looked at', () => {
    const orphans = new Orphans();
    orphans.add(0, []);
    orphans.add(1, [P0]);
    expect(orphans.shards()).toEqual([1]);
    orphans.forget(1, P0);
    expect(orphans.shards()).toEqual([]);
  });
});
