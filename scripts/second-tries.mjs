/**
 * What fails in a full run is tried once more when everything else has ended: a machine with two processors that others use as well
 * stops for seconds at times. What passes then is named in the result; what fails twice, or does not fail alone, has failed.
 */

/** Parts of a suite, such as files, of which more are no accident. */
const MOST_PARTS = 3;

/**
 * @typedef {object} Result
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {SecondTry} [secondTry] Absent where a failure is final.
 * @property {string[]} [later] What passed in its second try.
 *
 * @typedef {object} SecondTry
 * @property {string[]} parts What failed.
 * @property {(job: import('./suites.mjs').Job) => Promise<Result>} run The parts, alone; the result counts them whole.
 * @property {number} passed Individual tests of the parts that passed at the first try.
 */

/** Resolves with the results in the same order. `run` executes a try as a suite of that name. */
export async function secondTries(results, run) {
  const done = [];
  for (const { secondTry, ...first } of results) {
    if (secondTry === undefined || secondTry.parts.length > MOST_PARTS) done.push(first);
    else
      done.push(
        merge(first, secondTry, await run(`${first.name}, once more: ${secondTry.parts.join(' ')}`, secondTry.run)),
      );
  }
  return done;
}

function merge(first, { parts, passed }, second) {
  if (second.failed > 0 || second.passed < passed + first.failed) return first;
  return {
    ...first,
    passed: first.passed - passed + second.passed,
    failed: 0,
    seconds: first.seconds + second.seconds,
    later: parts,
  };
}
