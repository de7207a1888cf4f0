#!/usr/bin/env node
/**
 * `npm test [-- --only NAME[,NAME] | --skip NAME[,NAME] | --list]`: prepares the checkout and runs the suites.
 * A failing suite does not stop the others; the last line of the output is the sum of all.
 */
import { parseArgs } from 'node:util';
import { installDebianPackages } from './debian-packages.mjs';
import { build, checkTools, install } from './prepare.mjs';
import { runSuites, timed } from './run-suites.mjs';
import { suites } from './suites.mjs';

const { values } = parseArgs({
  options: { only: { type: 'string' }, skip: { type: 'string' }, list: { type: 'boolean' } },
});
const chosen = choose(values);
if (values.list) {
  for (const { name } of suites) console.log(name);
} else {
  const begin = performance.now();
  const results = await runAll(chosen);
  const seconds = (performance.now() - begin) / 1000;
  console.log(`\n${seconds.toFixed(0)} s with preparations; suites run beside each other:`);
  for (const { name, passed, failed, skipped, seconds } of results) {
    const verdict = failed === 0 ? 'ok  ' : 'FAIL';
    console.log(
      `${verdict} ${name.padEnd(10)} ${passed} passed, ${failed} failed, ${skipped} skipped (${seconds.toFixed(0)} s)`,
    );
  }
  for (const { name, later = [] } of results)
    for (const part of later) console.log(`${name}: ${part} failed beside the others and passed alone`);
  const sum = (key) => results.reduce((total, result) => total + result[key], 0);
  process.exitCode = sum('failed') === 0 ? 0 : 1;
  console.log(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
}

async function runAll(list) {
  const ready = await timed('prepare', async () => {
    checkTools();
    await installDebianPackages(list.flatMap((suite) => suite.packages ?? []));
    await install();
    await build();
    return { passed: 0, failed: 0, skipped: 0 };
  });
  return [...(ready.failed > 0 ? [ready] : []), ...(await runSuites(list))];
}

function choose({ only, skip }) {
  const list = (text) => text?.split(',') ?? [];
  const unknown = [...list(only), ...list(skip)].filter((name) => !suites.some((suite) => suite.name === name));
  if (unknown.length > 0) {
    console.error(`unknown suite ${unknown.join(', ')}; there are ${suites.map((suite) => suite.name).join(', ')}`);
    process.exit(2);
  }
  return suites.filter(({ name }) => (only === undefined || list(only).includes(name)) && !list(skip).includes(name));
}
