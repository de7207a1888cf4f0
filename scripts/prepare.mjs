/** Brings the checkout to a built state: checks the tools, installs packages and builds, each only when needed. */
import { execFileSync } from 'node:child_process';
import { buildStamp, installStamp, isCurrent, renew } from './stamp.mjs';
import { pnpm, run } from './workspace.mjs';

const OUTPUTS = [
  'packages/supervisor/dist/index.js',
  'packages/worker/dist/entry.js',
  'packages/core/dist/index.js',
  'bench/dist/harness/main.js',
  `native/shardvpn.${process.platform}-${process.arch}.node`,
];

/** A reason why nothing can be done here; the message is the one line that the user sees. */
export class PrepareError extends Error {}

export function checkTools() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new PrepareError(`Node ${process.versions.node} is too old: install Node 20.19 or newer`);
  }
  try {
    execFileSync('cargo', ['--version'], { stdio: 'ignore' });
  } catch {
    throw new PrepareError('cargo was not found: install Rust (https://rustup.rs) and put ~/.cargo/bin on the PATH');
  }
}

export async function install() {
  if (isCurrent(installStamp)) return;
  say('installing packages');
  await must(pnpm('install', '--frozen-lockfile', '--reporter', 'append-only'), 'the installation of packages failed');
  renew(installStamp);
}

export async function build() {
  if (isCurrent(buildStamp, OUTPUTS)) return;
  say('building (TypeScript and Rust; the first time takes a few minutes)');
  await must(pnpm('exec', 'turbo', 'run', 'build', '--ui', 'stream', '--output-logs', 'full'), 'the build failed');
  renew(buildStamp);
}

/** Both steps; cargo is only asked for when something has to be built. */
export async function prepare() {
  if (isCurrent(installStamp) && isCurrent(buildStamp, OUTPUTS)) return;
  checkTools();
  await install();
  await build();
}

async function must(command, complaint) {
  const { code } = await run(command);
  if (code !== 0) throw new PrepareError(`${complaint} (see above)`);
}

function say(text) {
  process.stderr.write(`shardvpn: ${text}\n`);
}
