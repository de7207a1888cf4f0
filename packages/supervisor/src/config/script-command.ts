import { accessSync, constants, statSync } from 'node:fs';
import { type Entry, fileFault } from './read.js';
import type { Settings } from './settings.js';
import { splitWords } from './split-words.js';

/** A program of the administrator. */
export interface ScriptCommand {
  /** The directive that names it, for messages and as `script_type`. */
  readonly directive: string;
  /** Absolute path of the program, then its arguments. */
  readonly words: readonly string[];
  /** Directory that it runs in. */
  readonly folder: string;
}

/** The command of a directive such as `tls-crypt-v2-verify`; null when there is none, or when it could not run. */
export const readScript = (settings: Settings, directive: string): ScriptCommand | null => {
  const level = settings.integer('script-security', 1, 0, 3);
  const entry = settings.last(directive);
  if (entry === undefined) return null;
  const split = splitWords(entry.args[0] ?? '');
  if ('fault' in split) {
    settings.error(entry, `the command cannot be read: ${split.fault}`);
    return null;
  }
  const [program, ...args] = split.words;
  if (program === undefined) {
    settings.error(entry, 'the command is empty; write the path of a program');
    return null;
  }
  const file = settings.path(program);
  const isFine = [checkLevel(settings, entry, level), checkProgram(settings, entry, file)].every(Boolean);
  return isFine ? { directive, words: [file, ...args], folder: settings.path('.') } : null;
};

/** Commands of an administrator run from 2 on; passwords in their environment need 3. */
const checkLevel = (settings: Settings, entry: Entry, level: number): boolean => {
  if (level >= SCRIPTS) return true;
  const written = settings.last('script-security');
  const where =
    written === undefined ? 'add: script-security 2' : `change line ${written.place.line} to: script-security 2`;
  settings.error(entry, `commands are run with script-security 2 or higher only; ${where}`);
  return false;
};

const SCRIPTS = 2;

const checkProgram = (settings: Settings, entry: Entry, file: string): boolean => {
  try {
    if (!statSync(file).isFile()) {
      settings.error(entry, `${file} is not a file; write the path of a program`);
      return false;
    }
  } catch (error) {
    settings.error(entry, `cannot find the program ${file}: ${fileFault(error)}`);
    return false;
  }
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    settings.error(entry, `${file} cannot be executed; run: chmod +x ${file}`);
    return false;
  }
};
