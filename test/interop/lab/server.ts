import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { WorkerFault } from '@shardvpn/worker';
import type { Running } from './host.js';
import { type KeyKind, keyFile, type Wrapping, wrappingLines } from './keys.js';
import type { Lab } from './lab.js';
import { until } from './until.js';

/** Which server is under test: `shardvpn`, or `openvpn` to prove the suite itself against the reference. */
export const serverKind = process.env.INTEROP_SERVER === 'openvpn' ? 'openvpn' : 'shardvpn';
export const isOurs = serverKind === 'shardvpn';

export const shardvpnCommand = [process.execPath, resolve(__dirname, '../../../packages/supervisor/bin/shardvpn.mjs')];
export const serverCommand = serverKind === 'openvpn' ? ['openvpn'] : shardvpnCommand;

export type ServerKind = 'shardvpn' | 'openvpn';

export interface ServerSettings {
  /** The one under test by default. */
  readonly kind?: ServerKind;
  readonly keys?: KeyKind;
  readonly wrapping?: Wrapping;
  /** Added after the usual lines; a line wins over a usual one with the same first word. */
  readonly lines?: readonly string[];
  /** Words in front of the command. */
  readonly prefix?: readonly string[];
  /** Words of usual lines that are left out. */
  readonly without?: readonly string[];
  /** `injectFault` works. */
  readonly faults?: boolean;
  /** A file that is there already, instead of all lines. */
  readonly config?: string;
}

/** A pool of two addresses, written without the `server` helper. */
export const POOL_OF_TWO: Pick<ServerSettings, 'lines' | 'without'> = {
  without: ['server'],
  lines: [
    'mode server',
    'tls-server',
    'ifconfig 10.8.0.1 255.255.255.0',
    'ifconfig-pool 10.8.0.50 10.8.0.51 255.255.255.0',
    'push "topology subnet"',
    'push "route-gateway 10.8.0.1"',
  ],
};

let serial = 0;

/** Writes a server.conf and returns its name. */
export function writeServerConfig(lab: Lab, settings: ServerSettings = {}): string {
  const { kind = serverKind, keys = 'ec', wrapping = 'tls-crypt', lines = [], without = [] } = settings;
  const usual = [
    'port 1194',
    'proto udp',
    'dev tun0',
    'topology subnet',
    'server 10.8.0.0 255.255.255.0',
    `ca ${keyFile(keys, 'ca.crt')}`,
    `cert ${keyFile(keys, 'server.crt')}`,
    `key ${keyFile(keys, 'server.key')}`,
    'dh none',
    'keepalive 10 60',
    'verb 4',
    ...wrappingLines(wrapping, 'server'),
    ...(kind === 'shardvpn' ? ['workers 2', 'admin-http 127.0.0.1:8505'] : []),
  ];
  const replaced = new Set([...lines.map(firstWord), ...without]);
  const file = join(lab.folder, `server-${++serial}.conf`);
  writeFileSync(file, `${[...usual.filter((line) => !replaced.has(firstWord(line))), ...lines].join('\n')}\n`);
  return file;
}

/** Starts the server under test and waits until it serves. */
export async function startServer(lab: Lab, settings: ServerSettings = {}): Promise<Running> {
  const config = settings.config ?? writeServerConfig(lab, settings);
  const ours = (settings.kind ?? serverKind) === 'shardvpn';
  const command = ours ? shardvpnCommand : ['openvpn'];
  const words = [...(settings.prefix ?? []), ...command, '--config', config];
  const server = settings.faults
    ? lab.serverHost.start('server', [...words, '--allow-fault-injection'], {
        env: { SHARDVPN_FAULTS: faultFile(lab) },
      })
    : lab.serverHost.start('server', words);
  await until('the server listens', () => {
    if (!server.isRunning) throw new Error(`the server ended with ${server.child.exitCode}`);
    return (
      isListening(server.pid) && (ours ? /ShardVPN \S+ serves/ : /Initialization Sequence Completed/).test(server.log())
    );
  });
  if (settings.faults) await server.says(/fault injection is on/, 60);
  return server;
}

/** Commits a fault in a shard: `panic` in its data thread, others in its worker. */
export function injectFault(lab: Lab, fault: WorkerFault | 'panic', shard: number): void {
  appendFileSync(faultFile(lab), `${fault} ${shard}\n`);
}

const faultFile = (lab: Lab): string => join(lab.folder, 'faults');

/** A UDP socket, or a TCP socket that listens, on port 1194 in the namespace of a process. */
export function isListening(pid: number, port = 1194): boolean {
  const number = port.toString(16).toUpperCase().padStart(4, '0');
  return ['udp', 'udp6', 'tcp', 'tcp6'].some((table) => {
    const socket = new RegExp(table.startsWith('udp') ? `:${number} ` : `:${number} 0+:0000 0A `);
    try {
      return socket.test(readFileSync(`/proc/${pid}/net/${table}`, 'utf8'));
    } catch {
      return false;
    }
  });
}

/** Waits until a program of the lab can be connected to. */
export const listens = ({ name, pid }: Running, port: number): Promise<boolean> =>
  until(`${name} listens`, () => isListening(pid, port), { seconds: 60 });

function firstWord(line: string): string {
  return line.split(' ', 1)[0] ?? '';
}
