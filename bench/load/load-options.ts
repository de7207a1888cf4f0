import { parseArgs } from 'node:util';
import type { Pace } from './thread-messages.js';

export interface LoadOptions {
  readonly config: string;
  readonly clients: number;
  readonly pace: Pace;
  /** How long the clients stay once all are connected. */
  readonly seconds: number;
  readonly send: Send;
  /** UDP payload of a packet. */
  readonly size: number;
  /** The echo; null = every client sends to another one. */
  readonly to: Target | null;
  readonly threads: number;
  readonly json: string | null;
}

export interface EchoOptions {
  readonly listen: Target;
  /** Send back what comes; otherwise it is counted. */
  readonly answers: boolean;
  /** UDP payload to send without end to whoever asks; null = nothing. */
  readonly flood: number | null;
  /** Without UDP_SEGMENT. */
  readonly single: boolean;
  /** Packets of the flood per second and client; null = as many as it can. */
  readonly pps: number | null;
}

export type Send =
  | { readonly type: 'none' }
  /** Packets per second and client. */
  | { readonly type: 'paced'; readonly pps: number }
  /** Packets under way per client; null = as many as all together may have. */
  | { readonly type: 'saturate'; readonly window: number | null }
  /** As many as the threads can, whatever becomes of them. */
  | { readonly type: 'flood' };

export interface Target {
  readonly host: string;
  readonly port: number;
}

/** What the user typed wrong; the message is one line. */
export class UsageError extends Error {}

export const USAGE = `node bench/load/load.mjs --config client.conf --clients N [options]
node bench/load/load.mjs echo --listen ADDRESS:PORT [--sink | --flood BYTES [--single] [--pps N]]

--config FILE        profile of the clients; all of them use its certificate, so the server needs duplicate-cn
--clients N          1 to 10000 and more, each with a UDP port of its own (default: 1)
--rate N|max[:N]     clients started per second, or as fast as they connect, at most N handshakes at a time
                     (default: 100; max is max:32)
--seconds N          how long they stay once all are connected or have failed; SIGTERM and SIGINT end it (default: 5)
--send none | paced:PPS | saturate[:WINDOW] | flood
                     nothing but pings; PPS packets per second and client; as many as come back, at most WINDOW
                     packets of a client under way; as many as the threads can send (default: none)
--size BYTES         UDP payload of a packet, 32 to 1472 (default: 64)
--to ADDRESS:PORT    send to this echo behind the server, and count what comes back;
                     without it each client sends to another one, for which the server needs client-to-client
--threads N          control threads, each with a data thread (default: one for 500 clients, at most one per CPU)
--json FILE          write the result there

echo                 the far end, to be run behind the server's tunnel; --sink only counts; --flood sends packets with BYTES
                     of payload as fast as it can to every client that has sent something within half a second, in runs
                     that the kernel cuts (UDP_SEGMENT) or, with --single, one by one; with --pps only so many a second, in
                     bursts
`;

export const parseLoadOptions = (args: readonly string[], cpus: number): LoadOptions => {
  const { values } = parse(args, LOAD_FLAGS);
  const clients = whole('clients', values.clients ?? '1', 1, 60_000);
  const threads = Math.min(cpus, Math.ceil(clients / CLIENTS_PER_THREAD));
  return {
    config: values.config ?? fail('which profile? Give --config FILE'),
    clients,
    pace: readPace(values.rate ?? '100'),
    seconds: whole('seconds', values.seconds ?? '5', 0, 1_000_000),
    send: readSend(values.send ?? 'none'),
    size: readSize('size', values.size ?? '64'),
    to: values.to === undefined || values.to === 'clients' ? null : readTarget('to', values.to),
    threads: Math.min(clients, whole('threads', values.threads ?? String(threads), 1, 64)),
    json: values.json ?? null,
  };
};

export const parseEchoOptions = (args: readonly string[]): EchoOptions => {
  const { listen, sink = false, flood, single = false, pps } = parse(args, ECHO_FLAGS).values;
  if (sink && flood !== undefined) fail('--sink only counts, so give it without --flood');
  if (single && flood === undefined) fail('--single is about --flood BYTES');
  if (pps !== undefined && flood === undefined) fail('--pps is about --flood BYTES');
  return {
    listen: readTarget('listen', listen ?? fail('where? Give --listen ADDRESS:PORT')),
    answers: !sink && flood === undefined,
    flood: flood === undefined ? null : readSize('flood', flood),
    single,
    pps: pps === undefined ? null : whole('pps', pps, 1, 100_000_000),
  };
};

/** Threads cost memory and hand-overs, and one connects some hundred clients a second. */
const CLIENTS_PER_THREAD = 500;

const LOAD_FLAGS = {
  config: { type: 'string' },
  clients: { type: 'string' },
  rate: { type: 'string' },
  seconds: { type: 'string' },
  send: { type: 'string' },
  size: { type: 'string' },
  to: { type: 'string' },
  threads: { type: 'string' },
  json: { type: 'string' },
} as const;

const ECHO_FLAGS = {
  listen: { type: 'string' },
  sink: { type: 'boolean' },
  flood: { type: 'string' },
  single: { type: 'boolean' },
  pps: { type: 'string' },
} as const;

const parse = <T extends NonNullable<Parameters<typeof parseArgs>[0]>['options']>(
  args: readonly string[],
  options: T,
) => {
  try {
    return parseArgs({ args: [...args], options: options as NonNullable<T>, strict: true });
  } catch (error) {
    return fail((error as Error).message.split('\n', 1)[0] ?? '');
  }
};

const readPace = (text: string): Pace => {
  const [max, , width] = /^max(:(.*))?$/.exec(text) ?? [];
  if (max === undefined) return { type: 'rate', perSecond: whole('rate', text, 1, 100_000) };
  return { type: 'width', handshakes: whole('rate', width ?? '32', 1, 10_000) };
};

const readSend = (text: string): Send => {
  const [kind, value] = text.split(':');
  if (text === 'none' || text === 'flood') return { type: text };
  if (kind === 'paced' && value !== undefined) {
    const pps = Number(value);
    return pps > 0 && pps <= 10_000_000 ? { type: 'paced', pps } : fail(`--send paced:${value} is no rate`);
  }
  if (kind === 'saturate') {
    return { type: 'saturate', window: value === undefined ? null : whole('send', value, 1, 65_536) };
  }
  return fail(`--send ${text} is not known; use none, paced:PPS, saturate[:WINDOW] or flood`);
};

const readSize = (flag: string, text: string): number => whole(flag, text, 32, 1472);

export const readTarget = (flag: string, text: string): Target => {
  const [, host, port] = /^(\d{1,3}(?:\.\d{1,3}){3}):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || port === undefined)
    return fail(`--${flag} ${text} is no ADDRESS:PORT with an IPv4 address`);
  return { host, port: whole(flag, port, 1, 65_535) };
};

export const whole = (flag: string, text: string, least: number, most: number): number => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    return fail(`--${flag} ${text} must be a whole number from ${least} to ${most}`);
  }
  return value;
};

const fail = (message: string): never => {
  throw new UsageError(message);
};
