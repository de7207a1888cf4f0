import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits until the sockets of a UDP port, in the network namespace of process `pid`, have been read but for a few bytes: so that no datagram
 * is lost for want of room, however long the reader waits for a processor.
 */
export async function untilRead(pid, port) {
  while (queueOf(pid, port) > FEW) await sleep(EVERY_MS);
}

const FEW = 65_536;
const EVERY_MS = 2;

/** Of all its sockets, the most bytes that wait. */
function queueOf(pid, port) {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = ['udp', 'udp6'].flatMap((table) => readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split('\n'));
  const queues = lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, address]) => address?.endsWith(local))
    .map(([, , , , both]) => Number.parseInt(both.split(':')[1], 16));
  return Math.max(0, ...queues);
}
