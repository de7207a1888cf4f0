/**
 * The optional HTTP engine, fetched once for its adapter's tests into a folder that git ignores. It is no dependency of the
 * product: 40 MB for a status page are not asked of anybody who does not want them.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './workspace.mjs';

const PACKAGE = '@trufflesuite/uws-js-unofficial';
const VERSION = '20.30.0-unofficial.0';
const folder = join(root, 'node_modules/.uws-for-tests');

/** Environment in which `require` finds it; empty where it cannot be fetched, and the tests of the adapter say they were skipped. */
export async function uwsForTests({ run, say }) {
  const modules = join(folder, 'node_modules');
  if (!existsSync(join(modules, PACKAGE, 'package.json'))) {
    say(`fetching ${PACKAGE} (40 MB, once) into node_modules/ for the tests of the optional HTTP adapter`);
    const quiet = ['--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts', '--loglevel', 'error'];
    const { code } = await run(['npm', 'install', '--prefix', folder, ...quiet, `${PACKAGE}@${VERSION}`]);
    if (code !== 0) return {};
  }
  return { NODE_PATH: modules };
}
