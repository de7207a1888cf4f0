import { type Bench, writeProfile } from '../bench.js';
import { TUNNEL } from '../lab/configs.js';
import type { Host } from '../lab/host.js';
import type { Lab } from '../lab/lab.js';
import type { Running } from '../lab/running.js';
import { treeCpuSeconds } from '../measure/process-tree.js';
import type { ClientKind } from '../options.js';
import { SHARDVPN } from '../our-side.js';

/** A client with a tunnel device, on a host of its own. */
export class TunnelClient {
  private constructor(
    readonly host: Host,
    /** Inner IPv4 address. */
    readonly address: string,
    private readonly running: Running,
  ) {}

  /** Starts it and waits until a packet goes there and back. */
  static async connect(bench: Bench, lab: Lab, number: number): Promise<TunnelClient> {
    const host = lab.client(number);
    const running = host.start(`client${number}`, commandOf(bench.options.client, writeProfile(bench, host)));
    let address: string | null = null;
    const hasAddress = (): boolean => {
      running.mustRun();
      address = addressOf(host);
      return address !== null;
    };
    await lab.until('the client has its address', hasAddress, { everyMs: 100, seconds: 30 });
    const answers = async (): Promise<boolean> => {
      running.mustRun();
      return reaches(host);
    };
    await lab.until('the tunnel carries a packet', answers, { seconds: 10 });
    return new TunnelClient(host, address ?? '', running);
  }

  get cpuSeconds(): number {
    return treeCpuSeconds(this.running.pid);
  }

  stop(): Promise<void> {
    return this.running.stop();
  }
}

function commandOf(kind: ClientKind, profile: string): string[] {
  return kind === 'openvpn' ? ['openvpn', '--config', profile] : [...SHARDVPN, 'connect', profile];
}

function addressOf(host: Host): string | null {
  try {
    return /inet ([\d.]+)/.exec(host.ip('-o', '-4', 'addr', 'show', 'dev', TUNNEL.device))?.[1] ?? null;
  } catch {
    return null;
  }
}

async function reaches(host: Host): Promise<boolean> {
  try {
    await host.exec(['ping', '-n', '-c', '1', '-W', '1', TUNNEL.server]);
    return true;
  } catch {
    return false;
  }
}
