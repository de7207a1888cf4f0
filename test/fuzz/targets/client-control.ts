import { Pair } from '../../sim/pair.js';
import type { SimClient } from '../../sim/sim-client.js';
import { ByteSource } from '../byte-source.js';

/** A server that hands its client any options: PUSH_REPLY and what stands in it, from the first packet on. */
export const clientControl = (input: Uint8Array): void => {
  const source = new ByteSource(input);
  const text = new TextDecoder().decode(source.sized());
  const push = text.split('\n').filter((line) => /^[^\0,"]{1,200}$/.test(line));
  const pair = new Pair({ seed: 1, server: { push }, shortFlights: true });
  const client: SimClient = pair.join();
  pair.run(1000);
  while (!source.isEmpty) {
    pair.network.toClient(client.path, source.sized());
    pair.run(200);
  }
  const faults = pair.faults();
  if (faults.length > 0) throw new Error(faults.join(', '));
};
