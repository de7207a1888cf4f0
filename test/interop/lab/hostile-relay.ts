import { join } from 'node:path';
import type { Host, Running } from './host.js';
import type { Lab } from './lab.js';

/** How likely each is for a datagram, in either direction. */
export interface Hostility {
  readonly seed?: number;
  readonly drop?: number;
  readonly duplicate?: number;
  readonly delay?: number;
  readonly corrupt?: number;
  readonly replay?: number;
  /** Milliseconds of delay; it reorders. */
  readonly most?: number;
  /** Data packets pass as they are. */
  readonly control?: boolean;
  /** Milliseconds for which everything of the client but its data packets is on its way. */
  readonly lag?: number;
  /** A key id: from the first answer to its TLS on nothing of the client's but data packets arrives, until SIGUSR2. */
  readonly mute?: number;
  /** A file for what has passed to the server, written at SIGUSR1. */
  readonly capture?: string;
}

/** A man in the middle on the client's host; a client reaches the server through `RELAYED`. */
export async function startHostileRelay(lab: Lab, host: Host, hostility: Hostility): Promise<Running> {
  const program = join(__dirname, '../programs/hostile-relay.mjs');
  const words = ['7000', lab.serverHost.ipv4, '1194', host.ipv4, JSON.stringify(hostility)];
  const relay = host.start('hostile-relay', [process.execPath, program, ...words]);
  await relay.says(/relay from/);
  return relay;
}

export const RELAYED = '127.0.0.1 7000 udp4';
