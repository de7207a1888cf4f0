#!/usr/bin/env node
/** Core is sans-IO: no clock, no entropy, no promise, no node module. The compiler sees only a part of that. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../workspace.mjs';
import { sourceFiles } from './source-files.mjs';

const BANNED = [
  [/\bDate\b/, 'reads the clock'],
  [/\bperformance\b/, 'reads the clock'],
  [/\bMath\.random\b/, 'takes entropy from nowhere'],
  [/\basync\b|\bawait\b|\bPromise\b|\bqueueMicrotask\b/, 'is asynchronous'],
  [/\bset(Timeout|Interval|Immediate)\b/, 'sets a timer'],
  [/\bprocess\.|\bBuffer\b|\brequire\(/, 'belongs to Node'],
  [/\bconsole\./, 'prints'],
];

const complaints = [];
for (const file of sourceFiles(/^packages\/core\/src\/.*\.ts$/).filter(
  (name) => !/\.test(-support)?\.ts$|\/testing\//.test(name),
)) {
  const source = withoutComments(readFileSync(join(root, file), 'utf8'));
  for (const [specifier] of source.matchAll(/['"]node:[\w/]+['"]/g))
    complaints.push(`${file}: ${specifier} belongs to Node`);
  withoutTexts(source)
    .split('\n')
    .forEach((line, index) => {
      for (const [pattern, why] of BANNED) {
        const found = pattern.exec(line);
        if (found) complaints.push(`${file}:${index + 1}: ${found[0]} ${why}`);
      }
    });
}
for (const complaint of complaints) console.error(complaint);
process.exitCode = complaints.length === 0 ? 0 : 1;

function withoutComments(source) {
  return source.replace(/\/\*[\s\S]*?\*\/|(?<![:'"])\/\/[^\n]*/g, (text) => text.replace(/[^\n]/g, ' '));
}

/** What a text says is not code; the placeholders of a template are lost with it, which no rule here needs. */
function withoutTexts(source) {
  return source.replace(/'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g, "''");
}
