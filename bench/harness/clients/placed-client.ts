import type { Bench } from '../bench.js';
import { ADMIN } from '../lab/configs.js';
import type { Lab } from '../lab/lab.js';
import { TunnelClient } from './tunnel-client.js';

const ATTEMPTS = 30;

/** Connects client `number` of this project's server until it is on another shard than `than`: chance places a client. */
export async function connectElsewhere(
  bench: Bench,
  lab: Lab,
  number: number,
  than: TunnelClient,
): Promise<TunnelClient> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const client = await TunnelClient.connect(bench, lab, number);
    const shards = await readShards(lab);
    if (shards.get(client.address) !== shards.get(than.address)) return client;
    await client.stop();
  }
  throw new Error(`${ATTEMPTS} connects in a row came to the same shard`);
}

/** The shard of each client's inner address. */
async function readShards(lab: Lab): Promise<ReadonlyMap<string, number>> {
  const code = `process.stdout.write(await (await fetch('http://${ADMIN.host}:${ADMIN.port}/status')).text())`;
  const text = await lab.server.exec([process.execPath, '--input-type=module', '-e', code]);
  const { clients } = JSON.parse(text) as { clients: { ipv4: string; shard: number }[] };
  return new Map(clients.map(({ ipv4, shard }) => [ipv4, shard]));
}
