import { loadConfig } from '../config/load-config.js';
import { problemText } from '../config/problem.js';
import { complain, tell } from './complain.js';

/** `shardvpn check FILE`: tells everything that is wrong with a configuration at once. Resolves to the exit code. */
export const check = (words: readonly string[]): number => {
  const { problems } = loadConfig({ arguments: words });
  const errors = problems.filter(({ severity }) => severity === 'error');
  for (const problem of problems) (problem.severity === 'error' ? complain : tell)(problemText(problem));
  if (errors.length > 0) {
    complain(errors.length === 1 ? '1 error' : `${errors.length} errors`);
    return 1;
  }
  tell('the configuration is good');
  return 0;
};
