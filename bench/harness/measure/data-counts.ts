import { ADMIN } from '../lab/configs.js';
import type { Host } from '../lab/host.js';

/** Sums over all shards of this project's server, from /metrics. */
export interface DataCounts {
  /** Data packets in and out. */
  readonly packets: number;
  /** Packets that a shard handed to another one. */
  readonly hops: number;
}

export async function readDataCounts(host: Host): Promise<DataCounts> {
  const code = `process.stdout.write(await (await fetch('http://${ADMIN.host}:${ADMIN.port}/metrics')).text())`;
  return countsIn(await host.exec([process.execPath, '--input-type=module', '-e', code]));
}

/** From Prometheus text. */
export function countsIn(metrics: string): DataCounts {
  const counts = { packets: 0, hops: 0 };
  for (const [, name, labels = '', value] of metrics.matchAll(/^(\w+)\{([^}]*)\} (\S+)$/gm)) {
    if (name === 'shardvpn_hops_total') counts.hops += Number(value);
    if (name === 'shardvpn_data_total' && /counter="(in|out)bound-packets"/.test(labels))
      counts.packets += Number(value);
  }
  return counts;
}
