import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import type { BenchOptions } from './options.js';
import { ROOT } from './root.js';

/** What the figures were measured on, for a reader of the report. */
export function describeMachine(): Record<string, string> {
  const list = cpus();
  return {
    processor: `${list.length} x ${list[0]?.model.trim() ?? 'unknown'}`,
    memory: `${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
    kernel: `Linux ${release()} ${arch()}`,
    shardvpn: [ownVersion(), firstLine('git', ['-C', ROOT, 'describe', '--always', '--dirty'])]
      .filter(Boolean)
      .join(', commit '),
    openvpn: /^OpenVPN (\S+)/.exec(firstLine('openvpn', ['--version']))?.[1] ?? 'not installed',
    node: process.versions.node,
    iperf3: /\d[\d.]*/.exec(firstLine('iperf3', ['--version']))?.[0] ?? 'not installed',
  };
}

export function describeSettings(options: BenchOptions): Record<string, string> {
  const { against, server, client, proto, cipher, auth, seconds, runs } = options;
  const ciphers = [cipher, auth].filter((name) => name !== null).join(' ');
  return {
    against,
    'server settings': [server, ciphers].filter(Boolean).join(', ') || 'AES-256-GCM',
    transport: proto,
    client: client === 'shardvpn' ? 'shardvpn connect' : 'openvpn',
    'each measurement': `${seconds} s, ${runs} ${runs === 1 ? 'run' : 'runs'}`,
  };
}

const ownVersion = (): string =>
  (JSON.parse(readFileSync(join(ROOT, 'packages/supervisor/package.json'), 'utf8')) as { version: string }).version;

function firstLine(command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n')[0] ?? '';
  } catch (error) {
    // openvpn --version ends with 1 and says it all the same.
    return String((error as { stdout?: string }).stdout ?? '').split('\n')[0] ?? '';
  }
}
