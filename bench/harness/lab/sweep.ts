import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Every namespace of a run is called svb-<pid of the run>-<lab>-<host>. */
export const prefixOf = (pid: number): string => `svb-${pid}-`;

/** Ends what runs in the namespaces with this prefix and removes them; namespaces of other runs stay. */
export function sweep(prefix: string): void {
  for (const name of namespaces().filter((candidate) => candidate.startsWith(prefix))) {
    for (const pid of ip('netns', 'pids', name).split('\n').filter(Boolean)) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // it ended by itself
      }
    }
    ip('netns', 'del', name);
  }
}

/** Runs that were killed themselves leave namespaces and folders behind: their process is gone. */
export function sweepAbandoned(): void {
  const owners = new Set(namespaces().map((name) => /^svb-(\d+)-/.exec(name)?.[1]));
  for (const owner of owners) {
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) sweep(prefixOf(Number(owner)));
  }
  for (const name of readdirSync(tmpdir())) {
    const owner = FOLDER.exec(name)?.[1];
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) rmSync(join(tmpdir(), name), { recursive: true });
  }
}

/** A folder for keys, configurations and logs of this run; other users may look into it. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), `shardvpn-bench-${process.pid}-`));
  // A server that becomes another user still reads its files here.
  chmodSync(folder, 0o755);
  return folder;
}

const FOLDER = /^shardvpn-bench-(\d+)-/;

function namespaces(): string[] {
  return ip('netns', 'list')
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .filter(Boolean);
}

function ip(...args: string[]): string {
  try {
    return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}
