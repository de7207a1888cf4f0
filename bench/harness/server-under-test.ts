import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from './bench.js';
import type { Direction } from './clients/iperf.js';
import { serverConfig, TUNNEL } from './lab/configs.js';
import type { Lab } from './lab/lab.js';
import type { Running } from './lab/running.js';
import { treeCpuSeconds, treeResidentMiB } from './measure/process-tree.js';
import type { Side } from './side.js';

/** A superpacket is one packet here, and its headers are counted once. */
export interface DeviceCount {
  readonly packets: number;
  readonly bytes: number;
}

export type DeviceCounts = Readonly<Record<Direction, DeviceCount>>;

let serial = 0;

/** What a server that has nothing to do may use in so long. */
const RESTING_CPU_SECONDS = 0.02;
const RESTING_MS = 500;

/** A server that runs in the lab, and what it has used so far. */
export class ServerUnderTest {
  private constructor(
    readonly running: Running,
    private readonly lab: Lab,
    /** From its start until its port was open. */
    readonly startMs: number,
  ) {}

  /** Starts it and waits until its port is open. */
  static async start(bench: Bench, lab: Lab, side: Side): Promise<ServerUnderTest> {
    const config = join(bench.folder, `server-${++serial}.conf`);
    const { keys, serverLines: user } = bench;
    const { proto } = bench.options;
    const lines = serverConfig({ keys, user, extra: side.lines, ours: side.ours, proto });
    writeFileSync(config, `${lines.join('\n')}\n`);
    const begin = performance.now();
    const running = lab.server.start(`server-${side.id}`, side.command(config));
    const isOpen = (): boolean => {
      running.mustRun();
      return isListening(running.pid);
    };
    await lab.until(`${side.label} listens on port ${TUNNEL.port}`, isOpen, { everyMs: 5 });
    return new ServerUnderTest(running, lab, performance.now() - begin);
  }

  get cpuSeconds(): number {
    this.running.mustRun();
    return treeCpuSeconds(this.running.pid);
  }

  /** Until it uses no CPU worth speaking of: an open port is not the end of its start. */
  async settle(): Promise<void> {
    let before = Number.NaN;
    const rests = (): boolean => {
      const used = this.cpuSeconds;
      const rested = used - before <= RESTING_CPU_SECONDS;
      before = used;
      return rested;
    };
    await this.lab.until(`${this.running.name} has started`, rests, { everyMs: RESTING_MS });
  }

  get residentMiB(): number {
    this.running.mustRun();
    return treeResidentMiB(this.running.pid);
  }

  /** Packets that the server has read from its tunnel device so far. */
  async packetsFromTunnel(): Promise<number> {
    return (await this.deviceCounts(TUNNEL.device))[0].down.packets;
  }

  /**
   * What has passed devices of the server's namespace so far, all read at once. The tunnel device: what the server has written to it
   * (up) and read from it (down). The one towards a client: what it has given to the server's socket, and what the client's end has taken.
   */
  async deviceCounts<Names extends readonly string[]>(
    ...devices: Names
  ): Promise<{ readonly [I in keyof Names]: DeviceCounts }> {
    const names = ['rx_packets', 'rx_bytes', 'tx_packets', 'tx_bytes'];
    const files = devices.flatMap((device) => names.map((name) => `/sys/class/net/${device}/statistics/${name}`));
    const values = (await this.lab.server.exec(['cat', ...files])).split('\n').map(Number);
    return devices.map((_, i) => {
      const [rxPackets = 0, rxBytes = 0, txPackets = 0, txBytes = 0] = values.slice(i * names.length);
      return { up: { packets: rxPackets, bytes: rxBytes }, down: { packets: txPackets, bytes: txBytes } };
    }) as { [I in keyof Names]: DeviceCounts };
  }

  stop(): Promise<void> {
    return this.running.stop();
  }
}

/** Whether a socket is on the server's port in the namespace of a process. */
function isListening(pid: number): boolean {
  const suffix = `:${TUNNEL.port.toString(16).toUpperCase().padStart(4, '0')} `;
  return ['udp', 'udp6', 'tcp', 'tcp6'].some((table) => {
    try {
      return readFileSync(`/proc/${pid}/net/${table}`, 'utf8').includes(suffix);
    } catch {
      return false;
    }
  });
}
