#!/usr/bin/env node
/** Sizes of files and functions against scripts/budgets.json; tests are not measured. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../workspace.mjs';
import { measureRust } from './measure-rust.mjs';
import { measureTypescript } from './measure-typescript.mjs';
import { sourceFiles } from './source-files.mjs';

const budgets = JSON.parse(readFileSync(join(root, 'scripts/budgets.json'), 'utf8'));
const LANGUAGES = {
  typescript: {
    files: sourceFiles(/^(packages\/[^/]+\/src|bench\/[^/]+)\/.*\.ts$/).filter(
      (file) => !/\.test(-support)?\.ts$|\/testing\//.test(file),
    ),
    measure: measureTypescript,
  },
  rust: { files: sourceFiles(/^native\/crates\/[^/]+\/src\/.*\.rs$/), measure: measureRust },
};

const complaints = Object.entries(LANGUAGES).flatMap(([language, source]) => checkLanguage(language, source));
for (const complaint of complaints) console.error(complaint);
process.exitCode = complaints.length === 0 ? 0 : 1;

function checkLanguage(language, { files, measure }) {
  const measured = files.map((file) => ({ file, ...measure(readFileSync(join(root, file), 'utf8')) }));
  const functions = measured.flatMap(({ file, functions }) => functions.map((f) => ({ ...f, file })));
  const budget = budgets[language];
  const complaints = [
    ...measured
      .filter((m) => m.lines > cap(m.file, budget.file.cap))
      .map((m) => `${m.file}: ${m.lines} lines, at most ${budget.file.cap}`),
    ...functions
      .filter((f) => f.lines > cap(`${f.file}#${f.name}`, budget.function.cap))
      .map((f) => `${f.file}:${f.line}: ${f.name} has ${f.lines} lines, at most ${budget.function.cap}`),
  ];
  const sizes = { file: measured.map((m) => m.lines), function: functions.map((f) => f.lines) };
  for (const [thing, list] of Object.entries(sizes)) {
    const figures = { median: quantile(list, 0.5), p90: quantile(list, 0.9) };
    console.log(
      `${language} ${thing}s: ${list.length}, median ${figures.median}, p90 ${figures.p90}, largest ${Math.max(0, ...list)}`,
    );
    for (const [name, figure] of Object.entries(figures)) {
      const limit = budget[thing][name];
      if (limit !== undefined && figure > limit)
        complaints.push(`${language}: ${name} of ${thing}s is ${figure}, at most ${limit}`);
    }
  }
  return complaints;
}

/** A line in `raised` names a file or `file#function`, its own cap, and why. */
function cap(name, usual) {
  const raised = budgets.raised.find((entry) => entry.name === name && entry.reason);
  return raised?.cap ?? usual;
}

function quantile(list, q) {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
}
