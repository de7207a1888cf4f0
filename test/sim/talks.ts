import type { Pair } from './pair.js';
import type { SimClient } from './sim-client.js';

/** Pings both ways; whether all of them have arrived. */
export const talks = (pair: Pair, client: SimClient): boolean => {
  const before = [pair.server.data.received, client.data.received];
  pair.server.data.chatter();
  client.data.chatter();
  pair.run(1000);
  return pair.server.data.received > (before[0] ?? 0) && client.data.received > (before[1] ?? 0);
};
