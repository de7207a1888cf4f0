/** Runs suites beside each other where that costs nothing, and shows them one after the other. */
import { OrderedOutput } from './ordered-output.mjs';
import { PrepareError } from './prepare.mjs';
import { secondTries } from './second-tries.mjs';
import { run } from './workspace.mjs';

/**
 * The suites that compute run one after the other; the ones that mostly wait run beside them, and have the processor first.
 * A failing suite does not stop the others. Resolves with the results, in the order of the list.
 */
export async function runSuites(list) {
  const output = new OrderedOutput((text) => process.stdout.write(text));
  const forget = flushWhenCutShort(output);
  const entries = list.map((suite) => ({ suite, channel: output.announce() }));
  const waiting = entries.filter(({ suite }) => suite.waits);
  const others = inTurn(
    entries.filter(({ suite }) => !suite.waits),
    { yields: waiting.length > 0 },
  );
  const results = [...(await Promise.all(waiting.map((entry) => runOne(entry, { others })))), ...(await others)];
  const inOrder = list.map(({ name }) => results.find((result) => result.name === name));
  const once = (name, run) => runOne({ suite: { name, run }, channel: output.announce() }, {});
  const final = await secondTries(inOrder, once);
  forget();
  return final;
}

/** A result, or a failure, and how long it took. */
export async function timed(name, work, complain = console.error) {
  const begin = performance.now();
  let result;
  try {
    result = await work();
  } catch (error) {
    complain(error instanceof PrepareError ? `shardvpn: ${error.message}` : error);
    result = { passed: 0, failed: 1, skipped: 0 };
  }
  return { name, ...result, seconds: (performance.now() - begin) / 1000 };
}

async function inTurn(entries, options) {
  const results = [];
  for (const entry of entries) results.push(await runOne(entry, options));
  return results;
}

async function runOne({ suite, channel }, { others, yields = false }) {
  const say = (text) => channel.write(`${text}\n`);
  const job = {
    run: (command, options) => run(command, { write: channel.write, yields, ...options }),
    say,
    others,
  };
  say(`\n== ${suite.name}`);
  const result = await timed(
    suite.name,
    () => suite.run(job),
    (error) => say(error?.stack ?? error),
  );
  channel.end();
  return result;
}

/** What is kept would be lost with the process. */
function flushWhenCutShort(output) {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  const end = (signal) => {
    output.flush();
    for (const one of signals) process.off(one, end);
    process.kill(process.pid, signal);
  };
  for (const signal of signals) process.on(signal, end);
  return () => {
    for (const signal of signals) process.off(signal, end);
  };
}
