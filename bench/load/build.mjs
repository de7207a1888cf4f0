/** Builds the packet side of the load generator (native/crates/load) and puts the add-on into this folder. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const addon = fileURLToPath(new URL(`load.${process.platform}-${process.arch}.node`, import.meta.url));

/** Asks cargo only when a source is newer than the add-on. */
export function buildLoad() {
  if (existsSync(addon) && statSync(addon).mtimeMs > newestSource()) return;
  const cargo = spawnSync('cargo', ['build', '--release', '--locked', '-p', 'binding', '-p', 'load'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (cargo.status !== 0) throw new Error('the load generator cannot be built (see above)');
  const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
  // Renamed into place: a process that has the old file mapped keeps it.
  copyFileSync(join(target, 'release', 'libload.so'), `${addon}.new`);
  renameSync(`${addon}.new`, addon);
}

function newestSource() {
  const crates = join(root, 'native/crates');
  const files = readdirSync(crates, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return Math.max(...[...files, join(root, 'Cargo.lock')].map((file) => statSync(file).mtimeMs));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) buildLoad();
