import { writeFileSync } from 'node:fs';
import { UsageError } from '../load-options.js';
import { runChurn } from './churn.js';
import { CHURN_USAGE, parseChurnOptions } from './churn-options.js';

/** The command line; resolves to the exit code. */
export const main = async (args: readonly string[]): Promise<number> => {
  if (args.includes('--help')) {
    console.log(CHURN_USAGE);
    return 0;
  }
  const begin = performance.now();
  const say = (text: string): void => console.error(`${((performance.now() - begin) / 1000).toFixed(1)} s: ${text}`);
  try {
    const options = parseChurnOptions(args);
    const result = await runChurn(options, say);
    writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`);
    console.log(JSON.stringify({ ...result, unexplained: result.unexplained.length }));
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`churn: ${error.message}`);
    return 2;
  }
};
