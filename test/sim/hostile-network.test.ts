import { describe, expect, test } from '@jest/globals';
import type { WrapOptions } from '@shardvpn/core';
import { freezeWorld } from './frozen-world.js';
import { Pair } from './pair.js';
import type { SimClient } from './sim-client.js';

freezeWorld();

const key = Uint8Array.from({ length: 256 }, (_, i) => (i * 11 + 5) & 255);
const WRAPS: readonly WrapOptions[] = [
  { type: 'tls-auth', key, direction: 1, digest: 'sha256' },
  { type: 'tls-crypt', key },
];
const SEEDS = 10;
const ATTEMPTS = 4;
const HOSTILE = { loss: 0.3, duplicate: 0.1, corrupt: 0.05, replay: 0.1, latency: [1, 400] } as const;

/** A client waits longer after every lost reset, and tries anew when its hand-window is over. */
const connect = (pair: Pair): SimClient | undefined => {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const client = pair.join({ client: { handWindow: 120, connectTimeout: 300 } });
    pair.drive(() => client.isConnected || client.ended !== undefined, 240_000);
    if (client.isConnected) {
      return client;
    }
  }
  return undefined;
};

/** Somebody between client and server spoils every third datagram, and has all that was sent before. */
describe('a man in the middle', () => {
  test.each(WRAPS)('only delays clients, $type', (wrap) => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const pair = new Pair({ seed, network: HOSTILE, server: { wrap, handWindow: 120, renegSec: 0 } });
      const client = connect(pair);
      expect({ seed, connected: client?.isConnected }).toEqual({ seed, connected: true });
      client?.run(() => client.core.renegotiate(pair.loop.now));
      pair.drive(() => pair.server.of('renegotiated').length > 0, 120_000);
      expect({ seed, renegotiated: pair.server.of('renegotiated').length }).toEqual({ seed, renegotiated: 1 });
      expect({ seed, faults: pair.faults(), end: client?.ended }).toEqual({ seed, faults: [], end: undefined });
    }
  });
});
