import { basename } from 'node:path';
import { LONGEST } from './rounds.mjs';

/** The order in which jest runs the files. What it remembers of former runs, a fresh checkout does not have. */
export default class LongestFirst {
  sort(tests) {
    return [...tests].sort((one, other) => place(one) - place(other));
  }

  /** Jest's `--onlyFailures` has nothing to go by: no results are kept. */
  allFailedTests(tests) {
    return tests;
  }

  cacheResults() {}
}

function place({ path }) {
  const at = LONGEST.indexOf(basename(path, '.test.ts'));
  return at < 0 ? LONGEST.length : at;
}
