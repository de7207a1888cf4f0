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
 * Its output is shown; `capture` collects it as well, `discardStdout` keeps only stderr.
 */
export function run([command, ...args], { env = {}, capture = false, discardStdout = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', ...env },
      stdio: ['ignore', capture ? 'pipe' : discardStdout ? 'ignore' : 'inherit', capture ? 'pipe' : 'inherit'],
    });
    let output = '';
    if (capture) {
      for (const [stream, sink] of [
        [child.stdout, process.stdout],
        [child.stderr, process.stderr],
      ]) {
        stream.setEncoding('utf8').on('data', (text) => {
          output += text;
          sink.write(text);
        });
      }
    }
    child.on('error', (error) => resolve({ code: 127, output: `${command}: ${error.message}\n` }));
    child.on('close', (code, signal) => resolve({ code: code ?? 1, output, signal }));
  });
}
