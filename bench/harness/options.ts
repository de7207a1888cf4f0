import { parseArgs } from 'node:util';

export const SCENARIO_NAMES = [
  'throughput',
  'pps',
  'alone',
  'latency',
  'handshakes',
  'clients',
  'scaling',
  'hop',
  'compare',
] as const;
export type ScenarioName = (typeof SCENARIO_NAMES)[number];

/** What `all` means: `compare` repeats figures of the others. */
export const ALL_SCENARIOS: readonly ScenarioName[] = SCENARIO_NAMES.filter((name) => name !== 'compare');

export type ClientKind = 'shardvpn' | 'openvpn';
export type Proto = 'udp' | 'tcp';

/** Those whose clients are whole programs; simulated clients know UDP alone. */
const OVER_TCP: readonly ScenarioName[] = ['throughput', 'latency', 'hop'];

export interface BenchOptions {
  readonly scenarios: readonly ScenarioName[];
  /** `openvpn`, `none`, or a command that starts an OpenVPN server. */
  readonly against: string;
  /** File name of a server.conf whose settings are measured. */
  readonly server: string | null;
  readonly client: ClientKind;
  readonly proto: Proto;
  /** Of the data channel; null for what both ends take by themselves. */
  readonly cipher: string | null;
  readonly auth: string | null;
  readonly seconds: number;
  readonly runs: number;
  /** Sizes of crowds, ascending; null for what the scenario takes by itself. */
  readonly clients: readonly number[] | null;
  readonly json: string | null;
  readonly html: string | null;
}

/** What the user typed wrong; the message is one line. */
export class UsageError extends Error {}

export const USAGE = `npm run bench -- SCENARIO [options]

scenarios   throughput  TCP, 1 and 4 streams, up and down
            pps         UDP packets of 64, 512 and 1400 bytes, up and down
            alone       the server's CPU for batched UDP packets of 1372 and 64 bytes, up and down
            latency     round trips of 50 packets a second: idle, and while another client saturates
            handshakes  full connects per server CPU-second, and the rate at which it saturates
            clients     memory and idle CPU with many clients
            scaling     1, 2, ... shards: CPU per packet and hops
            hop         TCP from client to client: one shard, and from shard to shard
            compare     the short comparison: one stock client, memory, start
            all         every one but compare

--against openvpn|none|COMMAND  the other server; COMMAND starts one from a config file: "{config}" in it is
                                replaced by the file's name, or "--config FILE" is appended (default: openvpn)
--server FILE       take the settings (ciphers, mtu, workers, ...) of this server.conf
--client KIND       shardvpn (default: shardvpn connect) or openvpn, on both sides
--proto PROTO       udp (default) or tcp, between clients and servers; tcp for ${OVER_TCP.join(', ')}
--cipher NAME, --auth NAME  data cipher and digest of both sides (default: AES-256-GCM)
--seconds N         length of each measurement (default: 5)
--runs N            alternating runs; figures are medians (default: 3)
--clients N[,N...]  number of clients in clients, compare
--json FILE, --html FILE    default: bench/results/SCENARIO-TIME.{json,html}`;

export function parseBenchOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parse(args);
  const [scenario, ...more] = positionals;
  if (scenario === undefined) throw new UsageError(`which scenario? One of ${SCENARIO_NAMES.join(', ')}, all`);
  if (more.length > 0) throw new UsageError(`one scenario at a time, and ${more.join(' ')} is too much`);
  const scenarios = scenario === 'all' ? ALL_SCENARIOS : [scenarioName(scenario)];
  return {
    scenarios,
    against: values.against.trim() || 'none',
    server: values.server ?? null,
    client: clientKind(values.client),
    proto: protoFor(scenarios, values.proto),
    cipher: values.cipher ?? null,
    auth: values.auth ?? null,
    seconds: whole('seconds', values.seconds),
    runs: whole('runs', values.runs),
    clients:
      values.clients === undefined
        ? null
        : values.clients
            .split(',')
            .map((n) => whole('clients', n))
            .sort((a, b) => a - b),
    json: values.json ?? null,
    html: values.html ?? null,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        against: { type: 'string', default: 'openvpn' },
        server: { type: 'string' },
        client: { type: 'string', default: 'shardvpn' },
        proto: { type: 'string', default: 'udp' },
        cipher: { type: 'string' },
        auth: { type: 'string' },
        seconds: { type: 'string', default: '5' },
        runs: { type: 'string', default: '3' },
        clients: { type: 'string' },
        json: { type: 'string' },
        html: { type: 'string' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function scenarioName(text: string): ScenarioName {
  const found = SCENARIO_NAMES.find((name) => name === text);
  if (found === undefined) throw new UsageError(`no scenario ${text}; there are ${SCENARIO_NAMES.join(', ')}, all`);
  return found;
}

function clientKind(text: string): ClientKind {
  if (text === 'shardvpn' || text === 'openvpn') return text;
  throw new UsageError(`--client ${text}: it is shardvpn or openvpn`);
}

function protoFor(scenarios: readonly ScenarioName[], text: string): Proto {
  if (text === 'udp') return text;
  if (text !== 'tcp') throw new UsageError(`--proto ${text}: it is udp or tcp`);
  const other = scenarios.find((name) => !OVER_TCP.includes(name));
  if (other !== undefined) throw new UsageError(`--proto tcp is for ${OVER_TCP.join(', ')}, not for ${other}`);
  return text;
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0) throw new UsageError(`--${name} ${text}: it is a whole number above 0`);
  return value;
}
