import { isStream } from '@shardvpn/core';
import type { ShardCounters } from '@shardvpn/native';
import type { ClientRecord } from '../registry/identities.js';
import type { ControlStatistics } from '../shards/shard-handle.js';

/** What `GET /status` answers, as JSON. Times are unix seconds, sizes are bytes; all counters start with the server. */
export interface ServerStatus {
  readonly server: ServerFacts & {
    readonly uptimeSeconds: number;
    readonly clients: number;
    /** Clients that were refused since this process started, by what was wrong. */
    readonly refusals: Readonly<Record<string, number>>;
    /** Connections that have ended, by reason. */
    readonly endedSessions: Readonly<Record<string, number>>;
  };
  readonly shards: readonly ShardStatus[];
  readonly clients: readonly ClientStatus[];
}

export interface ServerFacts {
  readonly version: string;
  readonly since: number;
  readonly device: string;
  /** By UDP where `proto` is absent. */
  readonly listening: readonly { readonly host: string; readonly port: number; readonly proto?: 'tcp' }[];
  readonly workers: number;
  /** What the program that embeds the server has decided about clients, by type of answer; absent where there is none. */
  readonly authentications?: Readonly<Record<string, number>> | undefined;
  /** Runs of an administrator's commands, by directive and outcome. */
  readonly scripts?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface ShardStatus {
  readonly shard: number;
  /** The data thread: `running`, `restarting` after a fault, `panicked` when it could not recover, `stopped`. */
  readonly state: string;
  /** Whether the worker (handshakes, renegotiations) answers. */
  readonly worker: 'running' | 'not-answering';
  /** Workers that were replaced since the start, by reason: `exception`, `memory`, `exit`, `hang`. */
  readonly workerRestarts: Readonly<Record<string, number>>;
  readonly clients: number;
  /** Handshakes under way; 0 while the worker does not answer. */
  readonly handshakes: number;
  /** Counters of the data thread, by name. */
  readonly counters: Readonly<Record<string, number>>;
  /** Dropped data packets by reason. */
  readonly drops: Readonly<Record<string, number>>;
  /** Dropped control packets by reason, since this worker started. */
  readonly controlDrops: Readonly<Record<string, number>>;
  /** Packets that came to the wrong shard and were handed on, by reason. */
  readonly hops: Readonly<Record<string, number>>;
}

export interface ClientStatus {
  /** Common name of the certificate, or the username. */
  readonly name: string;
  readonly username: string | null;
  readonly certificateSerial: string | null;
  /** Outer address, `host:port`. */
  readonly realAddress: string;
  readonly proto: 'udp' | 'tcp';
  /** Inner addresses. */
  readonly ipv4: string | null;
  readonly ipv6: string | null;
  readonly shard: number;
  readonly peerId: number;
  readonly cipher: string;
  readonly tls: string;
  readonly keyDerivation: string;
  readonly since: number;
  /** As the server sees it: received from the client, sent to the client. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly packetsReceived: number;
  readonly packetsSent: number;
  /** Seconds since the last authenticated packet. */
  readonly idleSeconds: number;
  /** IV_VER and IV_PLAT of the client's peer info. */
  readonly version: string | null;
  readonly platform: string | null;
}

/** Puts together what the registry, the data threads (`data`) and the workers (`control`, null = no answer) know. */
export const describeServer = (
  facts: ServerFacts,
  now: number,
  records: readonly ClientRecord[],
  data: readonly ShardCounters[],
  control: readonly (ControlStatistics | null)[],
  restarts: readonly Readonly<Record<string, number>>[] = [],
  refusals: Readonly<Record<string, number>> = {},
  ended: Readonly<Record<string, number>> = {},
): ServerStatus => {
  const peers = new Map(data.flatMap((shard) => shard.peers.map((peer) => [peer.peerId, peer] as const)));
  const clients = records.flatMap((record) => describeClient(record, peers.get(record.peerId)) ?? []);
  return {
    server: {
      ...facts,
      uptimeSeconds: now - facts.since,
      clients: clients.length,
      refusals,
      endedSessions: ended,
    },
    shards: data.map((counters) => describeShard(counters, control[counters.shard] ?? null, clients, restarts)),
    clients,
  };
};

const describeShard = (
  data: ShardCounters,
  control: ControlStatistics | null,
  clients: readonly ClientStatus[],
  restarts: readonly Readonly<Record<string, number>>[],
): ShardStatus => ({
  shard: data.shard,
  state: data.state,
  worker: control === null ? 'not-answering' : 'running',
  workerRestarts: restarts[data.shard] ?? {},
  clients: clients.filter(({ shard }) => shard === data.shard).length,
  handshakes: control?.handshakes ?? 0,
  counters: Object.fromEntries(data.counters.map(({ name, value }) => [name, value])),
  drops: byReason(data.drops),
  controlDrops: Object.fromEntries(Object.entries(control?.drops ?? {}).filter(([, value]) => value > 0)),
  hops: byReason(data.hops),
});

const byReason = (counts: readonly { reason: string; value: number }[]): Record<string, number> =>
  Object.fromEntries(counts.map(({ reason, value }) => [reason, value]));

const describeClient = (
  record: ClientRecord,
  peer: ShardCounters['peers'][number] | undefined,
): ClientStatus | null => {
  const { identity, lease, path, connection } = record;
  if (connection === null) return null;
  return {
    name: identity.commonName,
    username: identity.username,
    certificateSerial: identity.certificate?.serial ?? null,
    realAddress: path.host.includes(':') ? `[${path.host}]:${path.port}` : `${path.host}:${path.port}`,
    proto: isStream(path) ? 'tcp' : 'udp',
    ipv4: lease.ipv4?.address ?? null,
    ipv6: lease.ipv6?.address ?? null,
    shard: record.shard,
    peerId: record.peerId,
    cipher: connection.cipher,
    tls: connection.tls,
    keyDerivation: connection.keyDerivation,
    since: connection.since,
    bytesReceived: peer?.bytesIn ?? 0,
    bytesSent: peer?.bytesOut ?? 0,
    packetsReceived: peer?.packetsIn ?? 0,
    packetsSent: peer?.packetsOut ?? 0,
    idleSeconds: peer?.idleSeconds ?? 0,
    version: identity.peerInfo.get('IV_VER') ?? null,
    platform: identity.peerInfo.get('IV_PLAT') ?? null,
  };
};
