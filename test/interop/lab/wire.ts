import { execFileSync } from 'node:child_process';
import type { Host } from './host.js';

/** Words of `ethtool -K`. Some need the one before. */
export type Offloads = Readonly<Record<string, 'on' | 'off'>>;

/** What a good network card does, as far as a veth can. */
export const ALL_OFFLOADS: Offloads = {
  rx: 'on',
  tx: 'on',
  sg: 'on',
  tso: 'on',
  gso: 'on',
  'tx-udp-segmentation': 'on',
  gro: 'on',
  'rx-gro-list': 'off',
  'rx-udp-gro-forwarding': 'on',
};

/** A cable between two hosts, beside the network that all share: a veth whose two ends can be set up like worse hardware. */
export class Wire {
  readonly device: string;

  constructor(
    readonly server: Host,
    readonly other: Host,
    private readonly number: number,
  ) {
    this.device = `wire${number}`;
    server.ip('link', 'add', this.device, 'type', 'veth', 'peer', 'name', this.device, 'netns', other.namespace);
    for (const [index, host] of [server, other].entries()) {
      host.ip('addr', 'add', `198.18.${number}.${index + 1}/24`, 'dev', this.device);
      host.ip('addr', 'add', `fd18:${number}::${index + 1}/64`, 'dev', this.device, 'nodad');
      host.ip('link', 'set', this.device, 'up');
    }
  }

  /** The server's address at this wire. */
  get ipv4(): string {
    return `198.18.${this.number}.1`;
  }

  get ipv6(): string {
    return `fd18:${this.number}::1`;
  }

  setOffloads(offloads: Offloads): void {
    for (const host of [this.server, this.other]) setOffloads(host, this.device, offloads);
  }

  setMtu(mtu: number): void {
    for (const host of [this.server, this.other]) host.ip('link', 'set', this.device, 'mtu', String(mtu));
  }
}

export function setOffloads(host: Host, device: string, offloads: Offloads): void {
  const words = Object.entries(offloads).flat();
  const command = ['netns', 'exec', host.namespace, 'ethtool', '-K', device, ...words];
  execFileSync('ip', command, { stdio: ['ignore', 'ignore', 'pipe'] });
}
