import { parseArgs } from 'node:util';
import { readTarget, type Target, UsageError, whole } from '../load-options.js';

export interface ChurnOptions {
  readonly config: string;
  readonly clients: number;
  /** How long clients come, move and go; connecting all of them and saying goodbye comes on top. */
  readonly seconds: number;
  readonly seed: number;
  /** Clients that connect a second at first. */
  readonly rate: number;
  /** Packets a second of each flow. */
  readonly pps: number;
  /** UDP payload of a packet. */
  readonly size: number;
  readonly echo: Target;
  /** Local addresses that clients move between. */
  readonly hosts: readonly string[];
  /** Mean seconds that a client stays, is away, and uses one socket. */
  readonly stay: number;
  readonly away: number;
  readonly float: number;
  readonly json: string;
}

export const CHURN_USAGE = `node bench/dist/harness/programs/run-churn.js --config client.conf --to ADDRESS:PORT --json FILE [options]

--clients N     (default: 100)
--seconds N     how long clients come, move and go once all have connected (default: 20)
--seed N        of everything that happens by chance (default: another one each time)
--rate N        clients that connect a second at first (default: 50)
--pps N         packets a second of each flow (default: 10)
--size BYTES    UDP payload (default: 200)
--hosts A,B     local addresses to move between (default: whichever the route has)
--stay S, --away S, --float S
                mean seconds that a client stays, is away, and uses one socket (default: 20, 3, 8)
`;

export const parseChurnOptions = (args: readonly string[]): ChurnOptions => {
  const { values } = parse(args);
  const number = (flag: keyof typeof values, text: string, most = 1_000_000): number =>
    whole(flag, values[flag] ?? text, 1, most);
  return {
    config: values.config ?? missing('config'),
    clients: number('clients', '100', 60_000),
    seconds: number('seconds', '20'),
    seed: number('seed', String(1 + (Date.now() % 1_000_000))),
    rate: number('rate', '50'),
    pps: number('pps', '10', 10_000),
    size: number('size', '200', 1472),
    echo: readTarget('to', values.to ?? missing('to')),
    hosts: values.hosts?.split(',') ?? [],
    stay: number('stay', '20'),
    away: number('away', '3'),
    float: number('float', '8'),
    json: values.json ?? missing('json'),
  };
};

const FLAGS = [
  'config',
  'clients',
  'seconds',
  'seed',
  'rate',
  'pps',
  'size',
  'to',
  'hosts',
  'stay',
  'away',
  'float',
  'json',
] as const;

type Flag = (typeof FLAGS)[number];

const parse = (args: readonly string[]): { values: Partial<Record<Flag, string>> } => {
  const options = Object.fromEntries(FLAGS.map((name) => [name, { type: 'string' as const }]));
  try {
    return parseArgs({ args: [...args], options, strict: true }) as { values: Partial<Record<Flag, string>> };
  } catch (error) {
    throw new UsageError((error as Error).message.split('\n', 1)[0]);
  }
};

const missing = (flag: Flag): never => {
  throw new UsageError(`--${flag} is missing`);
};
