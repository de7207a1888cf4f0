import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Program } from './client.js';

/** Folder with the files of packages and of all that they need, or why they cannot be had. */
export type DebianTree = { readonly root: string } | { readonly missing: string };

/**
 * Packages of another release of Debian than this machine's, unpacked and not installed, from the mirror that the machine uses. They are
 * fetched once for each clone.
 */
export const getDebianTree = (release: string, ...packages: readonly string[]): DebianTree => {
  const root = join(folder, `.debian-${[release, ...packages].join('-')}`);
  if (existsSync(root)) return { root };
  try {
    const work = `${root}.part`;
    rmSync(work, { recursive: true, force: true });
    fetchInto(work, release, packages);
    renameSync(join(work, 'root'), root);
    rmSync(work, { recursive: true });
    return { root };
  } catch (error) {
    const { code, stderr, message } = error as { code?: string; stderr?: string; message: string };
    return { missing: code === 'ETIMEDOUT' ? 'fetching it takes too long' : lastLine(stderr ?? message) };
  }
};

/** A tree's openvpn, with the tree's libraries. */
export const openvpnOf = (root: string): Program => {
  const libraries = ['usr/lib', 'lib'].flatMap((path) => matching(join(root, path), /-linux-gnu$/));
  const [loader = ''] = libraries.flatMap((path) => matching(path, /^ld-linux.*\.so/));
  const [modules = ''] = libraries.flatMap((path) => matching(path, /^ossl-modules$|^engines/));
  return {
    words: [loader, '--library-path', libraries.join(':'), join(root, 'usr/sbin/openvpn')],
    env: { OPENSSL_MODULES: modules, OPENSSL_CONF: '/dev/null' },
  };
};

const matching = (path: string, names: RegExp): string[] =>
  existsSync(path)
    ? readdirSync(path)
        .filter((name) => names.test(name))
        .map((name) => join(path, name))
    : [];

const folder = resolve(__dirname, '../../../node_modules');
const LIMIT_MS = 180_000;

const fetchInto = (work: string, release: string, packages: readonly string[]): void => {
  for (const part of ['lists/partial', 'archives/partial', 'root']) mkdirSync(join(work, part), { recursive: true });
  writeFileSync(join(work, 'status'), '');
  writeFileSync(join(work, 'sources.list'), `deb [signed-by=${KEYS}] ${mirror()} ${release} main\n`);
  const settings = [
    `Dir::Etc::SourceList=${join(work, 'sources.list')}`,
    'Dir::Etc::SourceParts=/nonexistent',
    `Dir::State::Lists=${join(work, 'lists')}`,
    `Dir::State::status=${join(work, 'status')}`,
    `Dir::Cache=${work}`,
    `Dir::Cache::archives=${join(work, 'archives')}`,
    'Acquire::Languages=none',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false',
    'Acquire::Retries=3',
    'APT::Install-Recommends=false',
    'APT::Sandbox::User=root',
    // Of this folder alone nobody has a lock.
    'Debug::NoLocking=true',
  ].flatMap((setting) => ['-o', setting]);
  run('apt-get', [...settings, '-qq', 'update']);
  run('apt-get', [...settings, '-qq', '-y', '--download-only', 'install', ...packages]);
  for (const name of readdirSync(join(work, 'archives')).filter((name) => name.endsWith('.deb'))) {
    run('dpkg-deb', ['-x', join(work, 'archives', name), join(work, 'root')]);
  }
};

const KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';

const mirror = (): string => {
  const filter = ['Created-By: Packages', 'Origin: Debian', 'Label: Debian'];
  const [site] = run('apt-get', ['indextargets', '--format', '$(SITE)', ...filter]).split('\n');
  if (!site) throw new Error('apt knows no mirror of Debian: run apt-get update');
  return site;
};

const run = (program: string, words: readonly string[]): string =>
  execFileSync(program, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: LIMIT_MS });

const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.slice(0, 200) ?? '';
