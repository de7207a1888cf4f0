import type { ClientStatus, ServerStatus, ShardStatus } from './server-status.js';

/** The status for the log: one line for the server, one for each shard and each client. */
export const statusLines = ({ server, shards, clients }: ServerStatus): readonly string[] => [
  `status: ${server.clients} clients, ${server.workers} shards on ${server.device}, up ${server.uptimeSeconds} s`,
  ...shards.map(shardLine),
  ...clients.map(clientLine),
];

const shardLine = ({ shard, state, worker, clients, handshakes, drops, controlDrops }: ShardStatus): string =>
  `status: shard ${shard} ${state}, worker ${worker}, ${clients} clients, ${handshakes} handshakes, ` +
  `${sum(drops)} data and ${sum(controlDrops)} control packets dropped`;

const clientLine = (client: ClientStatus): string =>
  `status: ${client.name} from ${client.realAddress}, ${[client.ipv4, client.ipv6].filter(Boolean).join(' ')}, ` +
  `shard ${client.shard}, ${client.cipher}, ${client.bytesReceived} bytes received, ${client.bytesSent} sent`;

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0);
