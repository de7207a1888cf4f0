import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host, Running } from './host.js';
import { keyFile, type Wrapping, wrappingLines } from './keys.js';
import type { Lab } from './lab.js';
import { type Pings, pingAll, reaches } from './ping.js';
import { shardvpnCommand } from './server.js';

export interface OurClientSettings {
  readonly wrapping?: Wrapping;
  readonly lines?: readonly string[];
  /** Values of `remote`; the server's IPv4 address by default. */
  readonly remotes?: readonly string[];
  /** Words behind the profile's name. */
  readonly words?: readonly string[];
  /** Lines on its standard input. */
  readonly input?: string;
}

let serial = 0;

/** `shardvpn connect` on a host of its own. */
export class OurClient {
  private constructor(
    readonly host: Host,
    readonly process: Running,
    readonly profile: string,
  ) {}

  static start(lab: Lab, hostNumber: number, settings: OurClientSettings = {}): OurClient {
    const { wrapping = 'tls-crypt', lines = [], words = [] } = settings;
    const host = lab.host(hostNumber);
    const profile = join(lab.folder, `profile-${++serial}.ovpn`);
    const remotes = settings.remotes ?? [`${lab.serverHost.ipv4} 1194 udp4`];
    const all = [
      'client',
      'dev tun0',
      'nobind',
      ...remotes.map((remote) => `remote ${remote}`),
      `ca ${keyFile('ec', 'ca.crt')}`,
      `cert ${keyFile('ec', 'client1.crt')}`,
      `key ${keyFile('ec', 'client1.key')}`,
      'remote-cert-tls server',
      'verb 4',
      ...wrappingLines(wrapping, 'client'),
      ...lines,
    ];
    writeFileSync(profile, `${all.join('\n')}\n`);
    const command = [...shardvpnCommand, 'connect', profile, ...words];
    const { input } = settings;
    if (input === undefined) return new OurClient(host, host.start(`connect@${hostNumber}`, command), profile);
    const file = `${profile}.input`;
    writeFileSync(file, `${input}\n`);
    const fed = ['sh', '-c', 'exec < "$0" "$@"', file, ...command];
    return new OurClient(host, host.start(`connect@${hostNumber}`, fed), profile);
  }

  /** Starts a client and waits until it is connected. */
  static async connect(lab: Lab, hostNumber: number, settings: OurClientSettings = {}): Promise<OurClient> {
    const client = OurClient.start(lab, hostNumber, settings);
    await client.connected();
    return client;
  }

  /** `times` counts connections since the start of the process. */
  async connected(times = 1, seconds = 60): Promise<void> {
    await this.process.says(new RegExp(`(?:info: connected [\\s\\S]*?){${times}}`), seconds);
  }

  /** How often it has connected since the start of the process. */
  get connections(): number {
    return this.log().match(/info: connected /g)?.length ?? 0;
  }

  log(): string {
    return this.process.log();
  }

  /** Times that new keys were agreed on. */
  get renegotiations(): number {
    return [...this.log().matchAll(/info: new keys/g)].length;
  }

  /** How many of the echo requests were answered, and how many were sent. */
  ping(target: string, args: readonly string[]): Promise<Pings> {
    return pingAll(this.host, target, args);
  }

  /** Whether one of three echo requests is answered within `wait` seconds. */
  reaches(target: string, size?: number, wait?: number): Promise<boolean> {
    return reaches(this.host, target, size, wait);
  }
}
