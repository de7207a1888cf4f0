/** What the scripts share about this checkout: its root, its pinned tools, and running a command in it. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** The pinned pnpm, without anything installed globally; its own folder lands on PATH, which turbo needs. */
export const pnpm = (...args) => ['npx', '--yes', '--prefer-offline', manifest.packageManager, ...args];

/** A tool of the workspace by its file, which spares npx's start. */
export const tool = (name, ...args) => [join(root, 'node_modules/.bin', name), ...args];

/**
 * Runs a command in the root of the checkout without input and resolves with its exit code.
 * Its output is shown; with `write` it is given to that, and collected, instead. `discardStdout` keeps only stderr. `yields` lets
 * others have the processor first.
 */
export function run(words, { env = {}, write, discardStdout = false, yields = false } = {}) {
  return new Promise((resolve) => {
    const shown = write === undefined ? 'inherit' : 'pipe';
    const [command, ...args] = yields ? [...YIELDING, ...words] : words;
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', ...(write ? COLORS : {}), ...env },
      stdio: ['ignore', discardStdout ? 'ignore' : shown, shown],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text) => {
        output += text;
        write(text);
      });
    }
    child.on('error', (error) => resolve({ code: 127, output: `${command}: ${error.message}\n` }));
    child.on('close', (code, signal) => resolve({ code: code ?? 1, output, signal }));
  });
}

/** A tenth of the processor time that others get who want it as well. */
const YIELDING = ['nice', '-n', '10'];

/** A pipe is no terminal; what is shown at one in the end may be coloured nevertheless. */
const COLORS = process.stdout.isTTY ? { FORCE_COLOR: '1', CARGO_TERM_COLOR: 'always' } : {};
