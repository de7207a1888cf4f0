import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Host, Running } from './host.js';
import type { Lab } from './lab.js';

export const FLOOD_KINDS = ['reset', 'twice', 'random', 'replay'] as const;
export type FloodKind = (typeof FLOOD_KINDS)[number];

export interface FloodOrder {
  readonly kind: FloodKind;
  readonly packetsPerSecond: number;
  readonly seconds: number;
  /** For `replay`: what a hostile relay has captured. */
  readonly capture?: string;
}

/** Where the spoofed sources of a flood lead to: answers go to the flooder's host, which does not want them. */
const SPOOFED = '198.18.0.0/15';

/** Starts a flood of the server's port from a host of the lab. */
export function startFlood(lab: Lab, host: Host, order: FloodOrder): Running {
  const program = join(lab.folder, 'flood');
  if (!existsSync(program)) {
    execFileSync('gcc', ['-O2', '-Wall', '-o', program, join(__dirname, '../programs/flood.c')]);
  }
  lab.serverHost.ip('route', 'replace', SPOOFED, 'via', host.ipv4);
  const { kind, packetsPerSecond, seconds, capture } = order;
  const [mac = ''] = /(?:[\da-f]{2}:){5}[\da-f]{2}/.exec(lab.serverHost.ip('link', 'show', 'net0')) ?? [];
  const words = ['net0', mac, lab.serverHost.ipv4, '1194', kind, String(packetsPerSecond), String(seconds)];
  return host.start(`flood-${kind}`, [program, ...words, ...(capture === undefined ? [] : [capture])]);
}
