import { execFileSync } from 'node:child_process';
import { root } from '../workspace.mjs';

/** Files of the checkout that git tracks or would track, relative, matching `pattern`. */
export function sourceFiles(pattern) {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  return listed.split('\n').filter((file) => pattern.test(file));
}
