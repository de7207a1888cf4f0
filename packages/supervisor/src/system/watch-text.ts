import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';

/**
 * Calls `onText` with the file's text each time it differs from the last one (`known` at first), and `onProblem` when it cannot be read then.
 * It looks at the name once a second: a file that is replaced by another (rename) is seen as well. Returns what ends the watch.
 */
export const watchText = (
  file: string,
  known: string,
  onText: (text: string) => void,
  onProblem: (error: Error) => void,
  everyMs = 1000,
): (() => void) => {
  let last = known;
  let ended = false;
  const look = async (): Promise<void> => {
    try {
      const text = await readFile(file, 'utf8');
      if (ended || text === last) return;
      last = text;
      onText(text);
    } catch (error) {
      if (!ended) onProblem(error as Error);
    }
  };
  const changed = (): void => void look();
  watchFile(file, { interval: everyMs, persistent: false }, changed);
  changed();
  return () => {
    ended = true;
    unwatchFile(file, changed);
  };
};
