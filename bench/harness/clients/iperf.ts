import { TUNNEL } from '../lab/configs.js';
import type { Host } from '../lab/host.js';
import type { Lab } from '../lab/lab.js';

/** Up is client to server. */
export type Direction = 'up' | 'down';

export interface TcpResult {
  readonly gbitPerSecond: number;
  readonly gigabytes: number;
}

export interface UdpResult {
  readonly received: number;
  readonly sent: number;
  readonly seconds: number;
}

const FIRST_PORT = 5201;

/** Opens iperf3's server end for the client of this number. */
export async function startIperfServer(lab: Lab, number = 0, on: Host = lab.server): Promise<void> {
  const running = on.start(`iperf3-server${number}`, [
    'iperf3',
    '-s',
    '--forceflush',
    '-p',
    String(FIRST_PORT + number),
  ]);
  await lab.until('iperf3 listens', () => {
    running.mustRun();
    return running.log().includes('Server listening');
  });
}

/** A TCP transfer with cubic, which does not model the path as bbr does, and so shows what the path can take. */
export async function runTcp(
  host: Host,
  direction: Direction,
  streams: number,
  seconds: number,
  number = 0,
  target = TUNNEL.server,
): Promise<TcpResult> {
  const at = { address: target, number };
  const output = await iperf(host, at, seconds, direction, ['-C', 'cubic', '-P', String(streams)]);
  const { end } = JSON.parse(output) as { end: { sum_received: { bytes: number; bits_per_second: number } } };
  return { gbitPerSecond: end.sum_received.bits_per_second / 1e9, gigabytes: end.sum_received.bytes / 1e9 };
}

/** UDP packets of `size` bytes as fast as the sender can. */
export async function runUdp(host: Host, direction: Direction, size: number, seconds: number): Promise<UdpResult> {
  const output = await iperf(host, { address: TUNNEL.server, number: 0 }, seconds, direction, [
    '-u',
    '-b',
    '0',
    '-l',
    String(size),
  ]);
  const { end } = JSON.parse(output) as { end: { sum: { packets: number; lost_packets: number; seconds: number } } };
  const { packets, lost_packets: lost, seconds: took } = end.sum;
  return { sent: packets, received: packets - lost, seconds: took };
}

async function iperf(
  host: Host,
  target: { readonly address: string; readonly number: number },
  seconds: number,
  direction: Direction,
  more: readonly string[],
): Promise<string> {
  const port = String(FIRST_PORT + target.number);
  const reverse = direction === 'down' ? ['-R'] : [];
  const command = ['iperf3', '-c', target.address, '-p', port, '-J', '-t', String(seconds), ...reverse, ...more];
  for (let attempt = 1; ; attempt++) {
    try {
      return await host.exec(command);
    } catch (error) {
      // The end of the transfer before this one may still be on its way.
      if (attempt === 5 || !/busy/.test((error as Error).message)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }
}
