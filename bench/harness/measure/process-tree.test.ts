import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from '@jest/globals';
import { processTree, treeCpuSeconds, treeCpuTime, treeResidentMiB } from './process-tree.js';

const SPIN = 'while (process.cpuUsage().user < 250_000); console.log("spun"); setTimeout(() => {}, 60_000)';

test('what a process has started belongs to it', async () => {
  const shell = spawn('sh', ['-c', `"${process.execPath}" -e '${SPIN}'; true`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    await once(shell.stdout, 'data');
    const tree = processTree(shell.pid ?? 0);
    expect(tree).toHaveLength(2);
    expect(processTree(process.pid)).toEqual(expect.arrayContaining(tree));
    expect(treeCpuSeconds(shell.pid ?? 0)).toBeGreaterThan(0.05);
    expect(treeCpuTime(shell.pid ?? 0).user).toBeGreaterThan(0.05);
    expect(treeResidentMiB(shell.pid ?? 0)).toBeGreaterThan(10);
    for (const pid of tree) process.kill(pid, 'SIGKILL');
  } finally {
    shell.kill('SIGKILL');
  }
});

test('a process that is not there has used nothing', () => {
  expect(treeCpuSeconds(2 ** 22 + 1)).toBe(0);
});
