import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

/** How many times a worker that has called `warm` has chosen it for optimization, as V8 tells. When that is done is up to another thread. */
const optimizations = (late: boolean): number => {
  const module = fileURLToPath(new URL('../../dist/system/compile-late.js', import.meta.url));
  const worker = `let sum = 0; function warm(n) { return n * 2 + 1; } for (let i = 0; i < 60000; i++) sum += warm(i);`;
  const script = `
    const { compileLate } = await import(${JSON.stringify(module)});
    if (${late}) compileLate();
    const { Worker } = await import('node:worker_threads');
    new Worker(${JSON.stringify(worker)}, { eval: true });
  `;
  const told = execFileSync(process.execPath, ['--trace-opt', '--no-use-osr', '--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  return told.match(/marking .*JSFunction warm .* for optimization/g)?.length ?? 0;
};

test('a function of a worker is optimized later than V8 would', () => {
  expect(optimizations(false)).toBeGreaterThan(0);
  expect(optimizations(true)).toBe(0);
});
