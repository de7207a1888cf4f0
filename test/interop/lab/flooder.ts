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
  /** The server's by default. */
  readonly port?: number;
}

/** The spoofed sources of a flood. Answers to them leave the machine by a device of their own, which is the end of them. */
const SPOOFED = '198.18.0.0/15';
const NOWHERE = 'nowhere0';
/** A port of the server's host where a flood does nobody any harm. */
export const NOBODYS_PORT = 1195;

/** Starts a flood of the server's port, or of another one of its host. */
export async function startFlood(lab: Lab, host: Host, order: FloodOrder): Promise<Running> {
  const { serverHost } = lab;
  if (!serverHost.ip('route').includes(NOWHERE)) {
    const nowhere = serverHost.start('nowhere', [programIn(lab), 'nowhere', NOWHERE, String(NOBODYS_PORT)]);
    await nowhere.says(/nowhere is open/);
    serverHost.ip('link', 'set', NOWHERE, 'up');
    serverHost.ip('route', 'replace', SPOOFED, 'dev', NOWHERE);
  }
  const { kind, packetsPerSecond, seconds, capture, port = 1194 } = order;
  const [mac = ''] = /(?:[\da-f]{2}:){5}[\da-f]{2}/.exec(serverHost.ip('link', 'show', 'net0')) ?? [];
  const words = ['net0', mac, serverHost.ipv4, String(port), kind, String(packetsPerSecond), String(seconds)];
  const command = [programIn(lab), ...words, ...(capture === undefined ? [] : [capture])];
  const flood = host.start(`flood-${kind}`, command);
  await flood.says(/flood begins/);
  return flood;
}

function programIn(lab: Lab): string {
  const program = join(lab.folder, 'flood');
  if (!existsSync(program)) {
    execFileSync('gcc', ['-O2', '-Wall', '-o', program, join(__dirname, '../programs/flood.c')]);
  }
  return program;
}
