import { closeSync, openSync, statSync } from 'node:fs';
import { destination, pino } from 'pino';
import { plainText } from './plain-text.js';

/** Where the server says what happens. A message is one line; `fields` follow it as `name=value`. */
export interface Log {
  error(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
  debug(message: string, fields?: object): void;
  /** Another `verb`, for the lines from now on. */
  setVerb?(verb: number): void;
  /** Goes on in a new file where the old one was moved away. Returns what is wrong, null when nothing is. */
  reopen?(): string | null;
}

export interface LogOptions {
  /** The `verb` directive, 0..11: 0 errors only, 1 to 3 what an operator wants to see, from 4 on everything. */
  readonly verb: number;
  /** null = standard output. */
  readonly file: string | null;
  readonly append: boolean;
}

/**
 * Opens the log. Lines are written synchronously, so none is lost when the process ends; what a full disk does not take
 * is kept for later, up to a megabyte, and the server goes on.
 * Throws what opening the file throws (`ENOENT`, `EACCES`).
 */
export const createLog = ({ verb, file, append }: LogOptions): Log => {
  if (file !== null && !append) closeSync(openSync(file, 'w'));
  const sink = destination({ ...(file === null ? { fd: 1 } : { dest: file }), sync: true, maxLength: MAX_UNWRITTEN });
  sink.on('error', () => {});
  const logger = pino({ level: levelOf(verb), base: null }, { write: (entry) => void sink.write(readable(entry)) });
  return {
    error: (message, fields = {}) => logger.error({ fields }, message),
    warn: (message, fields = {}) => logger.warn({ fields }, message),
    info: (message, fields = {}) => logger.info({ fields }, message),
    debug: (message, fields = {}) => logger.debug({ fields }, message),
    setVerb: (verb) => {
      logger.level = levelOf(verb);
    },
    ...(file !== null && { reopen: reopener(file, () => sink.reopen()) }),
  };
};

/** Opens nothing while the open file is still the one of that name: after `user` there may be no right to open it again. */
const reopener = (file: string, reopen: () => void): (() => string | null) => {
  let open = idOf(file);
  return () => {
    if (idOf(file) === open) return null;
    try {
      reopen();
    } catch (error) {
      return `the log goes on in the file that was moved away: ${(error as Error).message}`;
    }
    open = idOf(file);
    return null;
  };
};

/** Which file has the name now; null when none has. */
const idOf = (file: string): string | null => {
  const found = statSync(file, { throwIfNoEntry: false });
  return found === undefined ? null : `${found.dev} ${found.ino}`;
};

const MAX_UNWRITTEN = 1_000_000;
/** A client chooses the length of what it says about itself. */
const MAX_TEXT = 2000;

const levelOf = (verb: number): string => (verb <= 0 ? 'error' : verb < 4 ? 'info' : 'debug');

const LEVEL_NAMES: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info', 40: 'warning', 50: 'error' };

interface Entry {
  readonly level: number;
  readonly time: number;
  readonly msg: string;
  readonly fields: object;
}

const readable = (entry: string): string => {
  const { level, time, msg, fields } = JSON.parse(entry) as Entry;
  const stamp = new Date(time).toISOString().replace('T', ' ').slice(0, 23);
  const tail = Object.entries(fields).map(([name, value]) => ` ${name}=${fieldText(value)}`);
  return `${stamp} ${LEVEL_NAMES[level] ?? level}: ${oneLine(msg)}${tail.join('')}\n`;
};

const fieldText = (value: unknown): string => {
  const text = typeof value === 'string' ? oneLine(value) : JSON.stringify(value);
  return /[\s"=]/.test(text) && typeof value === 'string' ? JSON.stringify(text) : text;
};

/** What clients send reaches the log (common names, peer info): control characters must not forge lines, nor length fill disks. */
const oneLine = (text: string): string => plainText(shortened(text), '?');

const shortened = (text: string): string =>
  text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}... (${text.length - MAX_TEXT} more)`;
