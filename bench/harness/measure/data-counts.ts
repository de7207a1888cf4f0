import { ADMIN } from '../lab/configs.js';
import type { Host } from '../lab/host.js';

/** What this project's server tells in /metrics. */
export interface DataCounts {
  /** Data packets in and out, by shard. */
  readonly packets: readonly number[];
  /** Turns of the data threads, and how many ended asleep. */
  readonly turns: number;
  readonly sleeps: number;
  /** Connected clients, by shard. */
  readonly clients: readonly number[];
  /** Packets that a shard handed to another one. */
  readonly hops: number;
  /** Packets that found the ring to the other shard full. */
  readonly hopFull: number;
}

export async function readDataCounts(host: Host): Promise<DataCounts> {
  const code = `process.stdout.write(await (await fetch('http://${ADMIN.host}:${ADMIN.port}/metrics')).text())`;
  return countsIn(await host.exec([process.execPath, '--input-type=module', '-e', code]));
}

/** From Prometheus text. */
export function countsIn(metrics: string): DataCounts {
  const packets: number[] = [];
  const clients: number[] = [];
  let [hops, hopFull, turns, sleeps] = [0, 0, 0, 0];
  for (const [, name, labels = '', value] of metrics.matchAll(/^(\w+)\{([^}]*)\} (\S+)$/gm)) {
    const shard = Number(/shard="(\d+)"/.exec(labels)?.[1]);
    if (name === 'shardvpn_hops_total') hops += Number(value);
    if (name === 'shardvpn_clients') clients[shard] = Number(value);
    if (name === 'shardvpn_dropped_packets_total' && labels.includes('reason="hop-full"')) hopFull += Number(value);
    if (name === 'shardvpn_data_total' && labels.includes('counter="turns"')) turns += Number(value);
    if (name === 'shardvpn_data_total' && labels.includes('counter="sleeps"')) sleeps += Number(value);
    if (name === 'shardvpn_data_total' && /counter="(in|out)bound-packets"/.test(labels))
      packets[shard] = (packets[shard] ?? 0) + Number(value);
  }
  return { packets, clients, turns, sleeps, hops, hopFull };
}
