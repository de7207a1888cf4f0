#!/usr/bin/env node
/** Every relative link in the committed Markdown leads to a file of the checkout, and no anchor is broken. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { root } from '../workspace.mjs';
import { sourceFiles } from './source-files.mjs';

const complaints = [];
for (const file of sourceFiles(/\.md$/)) {
  const text = readFileSync(join(root, file), 'utf8').replace(/```[\s\S]*?```/g, '');
  for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [path, anchor] = target.split('#');
    const absolute = path === '' ? join(root, file) : join(root, dirname(file), path);
    if (!existsSync(absolute)) complaints.push(`${file}: ${target} does not exist`);
    else if (anchor && absolute.endsWith('.md') && !anchors(absolute).has(anchor)) {
      complaints.push(`${file}: ${relative(root, absolute)} has no heading #${anchor}`);
    }
  }
}
for (const complaint of complaints) console.error(complaint);
process.exitCode = complaints.length === 0 ? 0 : 1;

function anchors(file) {
  const headings = readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm);
  return new Set(
    [...headings].map(([, title]) =>
      title
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
}
