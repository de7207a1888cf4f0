import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';

/** Every namespace of this suite is called svi-<pid of the run>-<host>. */
export const prefixOf = (pid) => `svi-${pid}-`;

/** Ends what runs in the namespaces of one run and removes them; namespaces of other runs stay. */
export function sweep(prefix) {
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

/** Runs that were killed themselves leave namespaces behind: their process is gone. */
export function sweepAbandoned() {
  const owners = new Set(namespaces().map((name) => /^svi-(\d+)-/.exec(name)?.[1]));
  for (const owner of owners) if (owner && !isAlive(owner)) sweep(prefixOf(owner));
}

export function removeFolder(folder) {
  rmSync(folder, { recursive: true, force: true });
}

function namespaces() {
  return ip('netns', 'list')
    .split('\n')
    .map((line) => line.split(' ')[0])
    .filter(Boolean);
}

function ip(...args) {
  try {
    return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}

function isAlive(pid) {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').length > 0;
  } catch {
    return false;
  }
}
