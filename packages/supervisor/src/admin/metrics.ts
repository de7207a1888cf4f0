import { Counter, Gauge, Registry } from 'prom-client';
import type { ServerStatus, ShardStatus } from './server-status.js';

export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/** The status in Prometheus text. Clients are counted, not listed: their names would be labels without end. */
export const encodeMetrics = async (status: ServerStatus): Promise<string> => {
  const registers = [new Registry()];
  describeServer(status, registers);
  describeAuthentications(status, registers);
  describeScripts(status, registers);
  for (const { name, help, type, labels, read } of SHARD_METRICS) {
    const options = { name, help, registers, labelNames: ['shard', ...labels] };
    const metric = type === 'counter' ? new Counter(options) : new Gauge(options);
    for (const shard of status.shards) {
      for (const [label, value] of read(shard)) {
        metric.inc({ shard: String(shard.shard), ...Object.fromEntries(labels.map((name) => [name, label])) }, value);
      }
    }
  }
  return (registers[0] as Registry).metrics();
};

const describeServer = ({ server }: ServerStatus, registers: Registry[]): void => {
  new Gauge({
    name: 'shardvpn_info',
    help: 'Version of the server; always 1.',
    registers,
    labelNames: ['version', 'device'],
  }).set({ version: server.version, device: server.device }, 1);
  new Gauge({ name: 'shardvpn_start_time_seconds', help: 'Unix time of the start.', registers }).set(server.since);
  const refused = new Counter({
    name: 'shardvpn_refused_clients_total',
    help: 'Clients that were refused once they had shown where they are, by reason.',
    registers,
    labelNames: ['reason'],
  });
  for (const [reason, count] of Object.entries(server.refusals)) refused.inc({ reason }, count);
  const ended = new Counter({
    name: 'shardvpn_ended_sessions_total',
    help: 'Connections that have ended, by reason.',
    registers,
    labelNames: ['reason'],
  });
  for (const [reason, count] of Object.entries(server.endedSessions)) ended.inc({ reason }, count);
  new Gauge({ name: 'process_resident_memory_bytes', help: 'Resident memory.', registers }).set(
    process.memoryUsage.rss(),
  );
};

const describeAuthentications = ({ server }: ServerStatus, registers: Registry[]): void => {
  if (server.authentications === undefined) return;
  const counter = new Counter({
    name: 'shardvpn_authentications_total',
    help: 'Decisions of the program that embeds the server, by type.',
    registers,
    labelNames: ['decision'],
  });
  for (const [decision, count] of Object.entries(server.authentications)) counter.inc({ decision }, count);
};

const describeScripts = ({ server }: ServerStatus, registers: Registry[]): void => {
  const counter = new Counter({
    name: 'shardvpn_scripts_total',
    help: 'Runs of commands of the configuration, by directive and outcome: success, failure, killed, timeout, not-started, busy.',
    registers,
    labelNames: ['directive', 'outcome'],
  });
  for (const [directive, counts] of Object.entries(server.scripts ?? {})) {
    for (const [outcome, count] of Object.entries(counts)) counter.inc({ directive, outcome }, count);
  }
};

interface ShardMetric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  /** At most one beside `shard`. */
  readonly labels: readonly string[];
  readonly read: (shard: ShardStatus) => readonly (readonly [string, number])[];
}

const one = (value: number): [string, number][] => [['', value]];

const SHARD_METRICS: readonly ShardMetric[] = [
  {
    name: 'shardvpn_shard_up',
    help: '1 while the data thread runs.',
    type: 'gauge',
    labels: [],
    read: ({ state }) => one(state === 'running' ? 1 : 0),
  },
  {
    name: 'shardvpn_worker_up',
    help: '1 while the worker answers.',
    type: 'gauge',
    labels: [],
    read: ({ worker }) => one(worker === 'running' ? 1 : 0),
  },
  {
    name: 'shardvpn_worker_restarts_total',
    help: 'Workers that were replaced, by reason: exception, memory, exit, hang.',
    type: 'counter',
    labels: ['reason'],
    read: ({ workerRestarts }) => Object.entries(workerRestarts),
  },
  {
    name: 'shardvpn_clients',
    help: 'Connected clients.',
    type: 'gauge',
    labels: [],
    read: ({ clients }) => one(clients),
  },
  {
    name: 'shardvpn_handshakes',
    help: 'Handshakes under way.',
    type: 'gauge',
    labels: [],
    read: ({ handshakes }) => one(handshakes),
  },
  {
    name: 'shardvpn_data_total',
    help: 'Counters of the data thread.',
    type: 'counter',
    labels: ['counter'],
    read: ({ counters }) => Object.entries(counters),
  },
  {
    name: 'shardvpn_dropped_packets_total',
    help: 'Dropped data packets by reason.',
    type: 'counter',
    labels: ['reason'],
    read: ({ drops }) => Object.entries(drops),
  },
  {
    name: 'shardvpn_dropped_control_packets_total',
    help: 'Dropped control packets by reason.',
    type: 'counter',
    labels: ['reason'],
    read: ({ controlDrops }) => Object.entries(controlDrops),
  },
  {
    name: 'shardvpn_hops_total',
    help: 'Packets handed to another shard by reason.',
    type: 'counter',
    labels: ['reason'],
    read: ({ hops }) => Object.entries(hops),
  },
];
