import type { Lab } from './lab.js';
import { until } from './until.js';

/** The part of `GET /status` that the scenarios look at. */
export interface Status {
  readonly server: {
    readonly listening: readonly { readonly host: string; readonly port: number; readonly proto?: 'tcp' }[];
  };
  readonly shards: readonly {
    readonly state: string;
    readonly shard: number;
    readonly clients: number;
    readonly worker: string;
    readonly workerRestarts: Readonly<Record<string, number>>;
    readonly counters: Readonly<Record<string, number>>;
    readonly drops: Readonly<Record<string, number>>;
    readonly controlDrops: Readonly<Record<string, number>>;
    readonly hops: Readonly<Record<string, number>>;
  }[];
  readonly clients: readonly {
    readonly name: string;
    readonly realAddress: string;
    readonly proto: 'udp' | 'tcp';
    readonly ipv4: string | null;
    readonly shard: number;
    readonly peerId: number;
    readonly since: number;
    readonly tls: string;
    readonly cipher: string;
    readonly bytesReceived: number;
    readonly bytesSent: number;
    readonly packetsReceived: number;
  }[];
}

export async function readStatus(lab: Lab): Promise<Status> {
  const { status, body } = await lab.serverHost.get('http://127.0.0.1:8505/status');
  if (status !== 200) throw new Error(`GET /status answered ${status}: ${body}`);
  return JSON.parse(body) as Status;
}

/** Once it shows so many clients: one is connected some time before the server's main thread hears of it. */
export const statusWith = (lab: Lab, clients: number): Promise<Status> =>
  until(`the status shows ${clients} clients`, async () => {
    const status = await readStatus(lab);
    return status.clients.length === clients ? status : null;
  });

/** Of all shards together. Drops are called `drop NAME`. */
export function totalsOf({ shards }: Status): Readonly<Record<string, number>> {
  const totals: Record<string, number> = {};
  for (const { counters, drops } of shards) {
    const named = Object.entries(drops).map(([name, count]) => [`drop ${name}`, count] as const);
    for (const [name, count] of [...Object.entries(counters), ...named]) totals[name] = (totals[name] ?? 0) + count;
  }
  return totals;
}

export const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0);
