import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host, Running } from './host.js';
import { type KeyKind, keyFile, type Wrapping, wrappingLines } from './keys.js';
import type { Lab } from './lab.js';
import { type Pings, pingAll, reaches } from './ping.js';

export interface ClientSettings {
  readonly keys?: KeyKind;
  /** Name of the certificate. */
  readonly name?: string;
  readonly wrapping?: Wrapping;
  readonly lines?: readonly string[];
  /** First words of usual lines that are left out. */
  readonly without?: readonly string[];
  /** Where it connects to; the server's address by default. */
  readonly remote?: string;
  /** Announces the capabilities of an older client: the number after IV_PROTO=. */
  readonly actAs?: number;
  /** Another openvpn than the machine's. */
  readonly program?: Program;
  /** With `actAs`: announces no ciphers, as clients before 2.4. */
  readonly silent?: boolean;
}

export interface Program {
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Built by the set-up of the whole run. */
const shim = join(process.env.INTEROP_DIR ?? '', 'older-peer-info.so');

let serial = 0;

/** Writes a client's profile and returns its name. */
export function writeClientConfig(lab: Lab, settings: Omit<ClientSettings, 'actAs' | 'silent'> = {}): string {
  const { keys = 'ec', name = 'client1', wrapping = 'tls-crypt', lines = [], without = [] } = settings;
  const config = join(lab.folder, `client-${++serial}.conf`);
  const all = [
    'client',
    'dev tun0',
    'nobind',
    `remote ${settings.remote ?? `${lab.serverHost.ipv4} 1194 udp4`}`,
    `ca ${keyFile(keys, 'ca.crt')}`,
    `cert ${keyFile(keys, `${name}.crt`)}`,
    `key ${keyFile(keys, `${name}.key`)}`,
    'remote-cert-tls server',
    'connect-retry 1 1',
    'verb 4',
    ...wrappingLines(wrapping, 'client'),
  ].filter((line) => !without.includes(line.split(' ', 1)[0] ?? ''));
  writeFileSync(config, `${[...all, ...lines].join('\n')}\n`);
  return config;
}

/** A stock openvpn client on a host of its own. */
export class Client {
  private constructor(
    readonly host: Host,
    readonly process: Running,
  ) {}

  static start(lab: Lab, hostNumber: number, settings: ClientSettings = {}): Client {
    const { name = 'client1', actAs, silent = false, program = { words: ['openvpn'], env: {} } } = settings;
    const host = lab.host(hostNumber);
    const config = writeClientConfig(lab, settings);
    const env: Record<string, string> = { ...program.env };
    if (actAs !== undefined) Object.assign(env, { LD_PRELOAD: shim, OLDER_IV_PROTO: String(actAs) });
    if (silent) env.OLDER_SILENT = '1';
    const words = [...program.words, '--config', config];
    return new Client(host, host.start(`client-${name}@${hostNumber}`, words, { env }));
  }

  /** Starts a client and waits until it is connected. */
  static async connect(lab: Lab, hostNumber: number, settings: ClientSettings = {}): Promise<Client> {
    const client = Client.start(lab, hostNumber, settings);
    await client.connected();
    return client;
  }

  /** `times` counts connections since the start of the process. */
  async connected(times = 1, seconds = 60): Promise<void> {
    await this.process.says(new RegExp(`(?:Initialization Sequence Completed[\\s\\S]*?){${times}}`), seconds);
  }

  /** How often it has connected since the start of the process. */
  get connections(): number {
    return this.log().match(/Initialization Sequence Completed/g)?.length ?? 0;
  }

  log(): string {
    return this.process.log();
  }

  /** Inner addresses of the latest connection. */
  get ipv4(): string {
    return last(this.log(), /net_addr_v4_add: ([\d.]+)\/\d+/g);
  }

  get ipv6(): string {
    return last(this.log(), /net_addr_v6_add: ([\da-f:]+)\/\d+/g);
  }

  /** The options of the latest PUSH_REPLY, as the client logged it. */
  get pushed(): string {
    return last(this.log(), /PUSH: Received control message: '(PUSH_REPLY[^']*)'/g);
  }

  /** How many of the echo requests were answered, and how many were sent. */
  ping(target: string, args: readonly string[]): Promise<Pings> {
    return pingAll(this.host, target, args);
  }

  /** Whether a single echo request is answered within a second. */
  async answered(target: string): Promise<boolean> {
    return (await this.host.exec('ping', '-n', '-c', '1', '-W', '1', target)).code === 0;
  }

  /** Whether one of three echo requests is answered within `wait` seconds. */
  reaches(target: string, size?: number, wait?: number): Promise<boolean> {
    return reaches(this.host, target, size, wait);
  }

  stop(): Promise<number> {
    return this.process.stop();
  }
}

function last(text: string, pattern: RegExp): string {
  const found = [...text.matchAll(pattern)].at(-1)?.[1];
  if (found === undefined) throw new Error(`nothing in the client's log matches ${pattern}`);
  return found;
}
