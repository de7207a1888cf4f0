import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { loadNative } from './load-native.js';
import { parseEchoOptions, parseLoadOptions, USAGE, UsageError } from './load-options.js';
import { resultTable } from './result-table.js';
import { runLoad } from './run-load.js';

/** The command line; resolves to the exit code, which is 1 when a client could not connect. */
export const main = async (args: readonly string[]): Promise<number> => {
  if (args.includes('--help')) {
    console.log(USAGE);
    return 0;
  }
  const abort = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => abort.abort());
  try {
    return args[0] === 'echo' ? await echo(args.slice(1), abort.signal) : await load(args, abort.signal);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`load: ${error.message}`);
    return 2;
  }
};

const load = async (args: readonly string[], abort: AbortSignal): Promise<number> => {
  const options = parseLoadOptions(args, availableParallelism());
  const begin = performance.now();
  const say = (text: string): void => console.error(`${((performance.now() - begin) / 1000).toFixed(1)} s: ${text}`);
  const result = await runLoad(options, abort, say);
  console.log(resultTable(result));
  if (options.json !== null) writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`);
  return result.connected === result.clients ? 0 : 1;
};

const echo = async (args: readonly string[], abort: AbortSignal): Promise<number> => {
  const { listen, answers, ...task } = parseEchoOptions(args);
  const native = loadNative();
  native.startEcho({ ...listen, answers, ...task });
  console.log(`${task.flood !== null ? 'flood' : answers ? 'echo' : 'sink'} on ${listen.host}:${listen.port}`);
  // A timer keeps the process alive; the packets are another thread's.
  const timer = setInterval(() => undefined, 60_000);
  await new Promise((resolve) => abort.addEventListener('abort', resolve));
  clearInterval(timer);
  console.log(JSON.stringify(native.stopEcho()));
  return 0;
};
