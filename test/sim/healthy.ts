import { expect } from '@jest/globals';
import type { Pair } from './pair.js';
import type { SimClient } from './sim-client.js';

/** The client is connected, and no packet has met a wrong key. */
export const expectHealthy = (pair: Pair, client: SimClient): void => {
  expect(client.isConnected).toBe(true);
  expect([pair.unknownKeys, pair.badTags]).toEqual([0, 0]);
  expect(pair.faults()).toEqual([]);
};

/** Nothing is left of anybody. */
export const expectNobody = (pair: Pair): void => {
  expect(pair.server.leases.size).toBe(0);
  expect(pair.server.data.peers).toEqual([]);
  expect(pair.server.core.pollTimeout()).toBeUndefined();
  expect(pair.serverTls.live).toBe(0);
  expect(pair.faults()).toEqual([]);
};
