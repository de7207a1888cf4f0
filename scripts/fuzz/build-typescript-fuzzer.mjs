import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { transformFileSync } from '@swc/core';
import { sourceFiles } from '../checks/source-files.mjs';
import { root } from '../workspace.mjs';
import { Instrument } from './instrument.mjs';

const SOURCES = /^(packages\/(core|ring|worker|supervisor)\/src|test\/(fuzz|sim|support))\/.*(?<!\.test)\.ts$/;
const COUNTED = /^packages\/(core|worker|supervisor)\/src\//;
const PACKAGES = { '@shardvpn/core': 'core', '@shardvpn/ring': 'ring', '@shardvpn/worker': 'worker' };

/** Compiles the targets and what they test, which counts its branches, to CommonJS below `out`. */
export function buildTypescriptFuzzer(out = join(root, 'target/fuzz/js')) {
  const instrument = new Instrument();
  for (const file of sourceFiles(SOURCES)) {
    const code = compile(file);
    put(join(out, file.replace(/\.ts$/, '.js')), COUNTED.test(file) ? instrument.code(code, file) : code);
  }
  const { size, words } = instrument;
  put(join(out, 'test/fuzz/instrument.json'), JSON.stringify({ branches: size, words }));
  for (const [name, folder] of Object.entries(PACKAGES)) {
    const main = join(out, 'packages', folder, 'src/index.js');
    put(join(out, 'node_modules', name, 'index.js'), `module.exports = require(${JSON.stringify(main)});\n`);
  }
  const { version } = JSON.parse(readFileSync(join(root, 'packages/supervisor/package.json'), 'utf8'));
  put(join(out, 'packages/supervisor/package.json'), JSON.stringify({ version, type: 'commonjs' }));
  put(join(out, 'package.json'), '{ "type": "commonjs" }\n');
  const fuzzer = join(root, 'scripts/fuzz/coverage-fuzzer.mjs');
  const module = join(out, 'test/fuzz/targets.js');
  const command = (corpus, findings, seconds) => [process.execPath, fuzzer, module, corpus, findings, String(seconds)];
  return {
    env: { NODE_PATH: join(root, 'packages/supervisor/node_modules'), NODE_OPTIONS: '' },
    command,
    shorten: (all, few) => {
      cpSync(all, few, { recursive: true });
      return command(few, dirname(few), 0);
    },
  };
}

function compile(file) {
  const { code } = transformFileSync(join(root, file), {
    jsc: { target: 'es2023', parser: { syntax: 'typescript' } },
    module: { type: 'commonjs' },
  });
  return code;
}

function put(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
