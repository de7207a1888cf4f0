// Builds the native core in release mode (cargo knows what is up to date) and puts the add-on beside index.js.
import { spawnSync } from 'node:child_process';
import { copyFileSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..');

const cargo = spawnSync('cargo', ['build', '--release', '--locked', '-p', 'binding'], { cwd: root, stdio: 'inherit' });
if (cargo.error !== undefined) {
  console.error(`cannot run cargo: ${cargo.error.message}. Install Rust from https://rustup.rs and try again.`);
  process.exit(1);
}
if (cargo.status !== 0) process.exit(cargo.status ?? 1);

const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
const library = join(target, 'release', 'libbinding.so');
const addon = join(here, `shardvpn.${process.platform}-${process.arch}.node`);
if (!sameFile(library, addon)) {
  // Renamed into place: a process that has the old file mapped keeps it.
  copyFileSync(library, `${addon}.new`);
  renameSync(`${addon}.new`, addon);
}

function sameFile(from, to) {
  const source = statSync(from);
  const copy = statSync(to, { throwIfNoEntry: false });
  return copy !== undefined && copy.size === source.size && copy.mtimeMs >= source.mtimeMs;
}
