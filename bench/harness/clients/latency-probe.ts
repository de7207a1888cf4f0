import { readFileSync } from 'node:fs';
import type { Host } from '../lab/host.js';

const PACKETS_PER_SECOND = 50;
/** As large as a voice packet, with the 28 bytes of its headers. */
const PAYLOAD_BYTES = 160;
const PATIENCE_SECONDS = 2;

export interface ProbeResult {
  readonly sent: number;
  readonly roundTripsUs: readonly number[];
}

/**
 * Round trips of 50 packets a second from the host to this address. It is ping: the kernel answers, and stamps what comes back,
 * so that waking a program at either end, which takes longer than a tunnel does, is not part of the figures. It writes to a file,
 * because a harness that reads every line as it comes takes a processor away 50 times a second.
 */
export async function probeLatency(host: Host, address: string, seconds: number): Promise<ProbeResult> {
  const words = ['-n', '-i', 1 / PACKETS_PER_SECOND, '-c', Math.max(1, Math.round(seconds * PACKETS_PER_SECOND))];
  const more = ['-s', PAYLOAD_BYTES, '-W', PATIENCE_SECONDS, address];
  const log = host.newLogFile('ping');
  await host.exec(['sh', '-c', 'exec ping "$@" > "$0"', log, ...[...words, ...more].map(String)]);
  return parsePing(readFileSync(log, 'utf8'));
}

/** From ping's output; a duplicate answer does not count. */
export function parsePing(output: string): ProbeResult {
  const times = [...output.matchAll(/time=([\d.]+) ms(?!.*DUP)/g)].map(([, ms]) => Math.round(Number(ms) * 1000));
  return { sent: Number(/(\d+) packets transmitted/.exec(output)?.[1] ?? 0), roundTripsUs: times };
}
