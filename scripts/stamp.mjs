/** Remembers what an install or a build was made from, so that the next one is skipped in milliseconds. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './workspace.mjs';

const PACKAGES = ['packages/core', 'packages/ring', 'packages/worker', 'packages/supervisor'];
const MANIFESTS = [
  'package.json',
  'pnpm-lock.yaml',
  'pnpm-workspace.yaml',
  ...[...PACKAGES, 'native', 'bench', 'test'].map((folder) => `${folder}/package.json`),
];
const SOURCES = [
  ...MANIFESTS,
  'Cargo.toml',
  'Cargo.lock',
  'turbo.json',
  'tsconfig.json',
  'tsconfig.base.json',
  ...PACKAGES.flatMap((folder) => [`${folder}/src`, `${folder}/tsconfig.json`]),
  'bench/harness',
  'bench/load',
  'bench/tsconfig.json',
  'native',
];

export const installStamp = { file: 'node_modules/.shardvpn-install', value: () => digest(MANIFESTS, contentOf) };
export const buildStamp = { file: 'node_modules/.shardvpn-build', value: () => digest(SOURCES, metadataOf) };

export function isCurrent(stamp, outputs = []) {
  const file = join(root, stamp.file);
  if (!existsSync(file) || !outputs.every((output) => existsSync(join(root, output)))) return false;
  return readFileSync(file, 'utf8') === stamp.value();
}

export function renew(stamp) {
  const file = join(root, stamp.file);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, stamp.value());
}

function digest(paths, describe) {
  const hash = createHash('sha256').update(process.version);
  for (const path of paths) for (const file of filesUnder(path)) hash.update(`\0${file}\0${describe(file)}`);
  return hash.digest('hex');
}

function filesUnder(path) {
  const status = statSync(join(root, path), { throwIfNoEntry: false });
  if (!status) return [];
  if (!status.isDirectory()) return [path];
  return readdirSync(join(root, path), { withFileTypes: true })
    .filter((entry) => entry.name !== 'node_modules' && entry.name !== 'target' && entry.name !== 'dist')
    .filter((entry) => !/\.test\.|\.node$|\.tsbuildinfo$/.test(entry.name))
    .flatMap((entry) => filesUnder(`${path}/${entry.name}`));
}

const contentOf = (file) => readFileSync(join(root, file));

function metadataOf(file) {
  const { mtimeMs, size } = statSync(join(root, file));
  return `${mtimeMs}:${size}`;
}
