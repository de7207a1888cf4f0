import { spawnSync } from 'node:child_process';
import { PrepareError } from './prepare.mjs';
import { run } from './workspace.mjs';

/** Says which Debian packages the suites need and installs the missing ones; nothing else outside the project is touched. */
export async function installDebianPackages(names) {
  if (names.length === 0) return;
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0) {
    console.log(`Debian packages for the interop suite: ${names.join(' ')} (all there)`);
    return;
  }
  console.log(`Debian packages for the interop suite, to be installed with apt-get: ${missing.join(' ')}`);
  if (process.getuid?.() !== 0) throw new PrepareError(`installing ${missing.join(' ')} needs root`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const get = ['apt-get', 'install', '-y', '--no-install-recommends', ...missing];
  if ((await run(get, { env })).code === 0) return;
  await run(['apt-get', 'update'], { env });
  if ((await run(get, { env })).code !== 0) throw new PrepareError(`apt-get could not install ${missing.join(' ')}`);
}

function isInstalled(name) {
  const { stdout } = spawnSync('dpkg', ['-s', name], { encoding: 'utf8' });
  return /^Status: .* installed$/m.test(stdout);
}
