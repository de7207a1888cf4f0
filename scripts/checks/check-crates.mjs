#!/usr/bin/env node
/** The Rust half of the import table: which workspace crate may depend on what. */
import { execFileSync } from 'node:child_process';
import { root } from '../workspace.mjs';

const RULES = {
  datapath: { workspace: [], never: ['libc', 'rustix', 'nix', 'napi', 'mio', 'tokio', 'socket2'] },
  netio: { workspace: [], never: ['napi', 'ring', 'aws-lc-rs'] },
  shard: { workspace: ['datapath', 'netio'], never: ['napi', 'libc', 'rustix', 'nix'] },
  load: { workspace: ['datapath', 'netio', 'shard'], never: ['libc', 'rustix', 'nix'] },
  fuzz: { workspace: ['datapath', 'netio', 'shard', 'tls'], never: ['libc', 'rustix', 'nix', 'napi'] },
  tls: { workspace: [], never: ['libc', 'rustix', 'nix', 'napi', 'mio', 'tokio', 'socket2'] },
  binding: { workspace: ['shard', 'netio', 'tls'], never: ['libc', 'rustix', 'nix'] },
};

const metadata = JSON.parse(
  execFileSync('cargo', ['metadata', '--format-version', '1', '--no-deps', '--offline'], {
    cwd: root,
    encoding: 'utf8',
  }),
);
const names = new Set(metadata.packages.map((crate) => crate.name));
const complaints = [];
for (const crate of metadata.packages) {
  const rule = RULES[crate.name];
  if (!rule) {
    complaints.push(`${crate.name}: a crate without a rule in scripts/checks/check-crates.mjs`);
    continue;
  }
  for (const { name, kind } of crate.dependencies) {
    if (kind === 'dev') continue;
    if (names.has(name) && !rule.workspace.includes(name)) complaints.push(`${crate.name} must not depend on ${name}`);
    if (rule.never.includes(name)) complaints.push(`${crate.name} must not depend on ${name}`);
  }
}
for (const complaint of complaints) console.error(complaint);
process.exitCode = complaints.length === 0 ? 0 : 1;
