import { isAbsolute, join } from 'node:path';
import type { Place, ProblemList } from './problem.js';
import { splitWords } from './split-words.js';

/** One directive as written: nothing is known yet about its name or its arguments. */
export interface Entry {
  readonly name: string;
  readonly args: readonly string[];
  /** Text of a `<name>...</name>` block; `args` is empty then. */
  readonly inline: string | null;
  readonly place: Place;
}

export interface ReadResult {
  readonly entries: readonly Entry[];
  /** Directory that relative file names refer to: the one given to `readConfig`, moved by `cd`. */
  readonly base: string;
}

/** Text of a file by absolute path. Throws as `fs.readFileSync` does. */
export type ReadText = (path: string) => string;

export interface ReadOptions {
  readonly base: string;
  readonly readText: ReadText;
  readonly problems: ProblemList;
}

/** Reads command-line words: `--directive args... --directive args...`, with `--config FILE` read in its place. */
export const readArguments = (words: readonly string[], options: ReadOptions): ReadResult => {
  const reader = new Reader(options);
  reader.takeArguments(words);
  return reader;
};

/** Reads one text, as if it were the file `name`, and the files it includes. */
export const readText = (text: string, name: string, options: ReadOptions): ReadResult => {
  const reader = new Reader(options);
  reader.takeText(text, name, 1);
  return reader;
};

const MAX_LINE_BYTES = 256;
const MAX_WORDS = 16;
const MAX_DEPTH = 10;

class Reader implements ReadResult {
  readonly entries: Entry[] = [];
  base: string;
  private readonly readFile: ReadText;
  private readonly problems: ProblemList;

  constructor({ base, readText: readFile, problems }: ReadOptions) {
    this.base = base;
    this.readFile = readFile;
    this.problems = problems;
  }

  takeArguments(words: readonly string[]): void {
    const place: Place = { file: 'command line', line: 0 };
    let at = 0;
    while (at < words.length) {
      const word = words[at] as string;
      const end = words.findIndex((other, index) => index > at && other.startsWith('--'));
      const next = end < 0 ? words.length : end;
      if (!word.startsWith('--') || word === '--') {
        this.problems.add('error', place, null, `'${word}' is not an option; options start with --`);
      } else {
        this.take({ name: word.slice(2), args: words.slice(at + 1, next), inline: null, place }, 1);
      }
      at = next;
    }
  }

  takeText(text: string, file: string, depth: number): void {
    const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
    for (let index = 0; index < lines.length; index += 1) {
      const place: Place = { file, line: index + 1 };
      const words = this.wordsOf(lines[index] as string, place);
      if (words.length === 0) continue;
      const name = (words[0] as string).replace(/^--(?=.)/, '');
      const tag = words.length === 1 ? /^<([^/>][^>]*)>$/.exec(name)?.[1] : undefined;
      if (tag === undefined) {
        this.take({ name, args: words.slice(1), inline: null, place }, depth);
        continue;
      }
      const end = lines.findIndex((line, at) => at > index && line.trimStart().startsWith(`</${tag}>`));
      if (end < 0) {
        this.problems.add('error', place, tag, `the block is not closed; add a line </${tag}>`);
        return;
      }
      this.entries.push({ name: tag, args: [], inline: blockText(lines.slice(index + 1, end)), place });
      index = end;
    }
  }

  private wordsOf(line: string, place: Place): readonly string[] {
    // The limit holds for lines with directives; long comments and blocks are common and harmless.
    const split = splitWords(line);
    if ('fault' in split) {
      this.problems.add('error', place, null, split.fault);
      return [];
    }
    const { words } = split;
    if (words.length > 0 && Buffer.byteLength(line) > MAX_LINE_BYTES) {
      const length = Buffer.byteLength(line);
      this.problems.add('error', place, null, `the line has ${length} bytes; at most ${MAX_LINE_BYTES} are allowed`);
      return [];
    }
    return words;
  }

  private take(entry: Entry, depth: number): void {
    const { name, args, place } = entry;
    if (args.length + 1 > MAX_WORDS) {
      this.problems.add('error', place, name, `${args.length + 1} words; at most ${MAX_WORDS} are allowed`);
    } else if (name === 'config' && args.length === 1) {
      this.include(args[0] as string, place, depth);
    } else {
      this.entries.push(entry);
      if (name === 'cd' && args.length === 1) this.base = resolveFrom(this.base, args[0] as string);
    }
  }

  private include(file: string, place: Place, depth: number): void {
    if (depth > MAX_DEPTH) {
      this.problems.add('error', place, 'config', `more than ${MAX_DEPTH} files deep; does a file include itself?`);
      return;
    }
    let text: string;
    try {
      text = this.readFile(resolveFrom(this.base, file));
    } catch (error) {
      this.problems.add('error', place, 'config', `cannot read '${file}': ${fileFault(error)}`);
      return;
    }
    if (text.includes('\0')) {
      this.problems.add('error', place, 'config', `'${file}' is not a text file`);
      return;
    }
    this.takeText(text, file, depth + 1);
  }
}

const blockText = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

/** Relative names count from `base`, as they would from the working directory. */
export const resolveFrom = (base: string, file: string): string => (isAbsolute(file) ? file : join(base, file));

const FILE_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file; check the path, relative names count from the directory the server is started in',
  EACCES: 'permission denied; run as root or change the permissions of the file',
  EISDIR: 'it is a directory; name a file',
  ENOTDIR: 'a part of the path is not a directory',
};

/** What went wrong with a file, without the system's jargon. */
export const fileFault = (error: unknown): string => {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  return FILE_FAULTS[code] ?? (error instanceof Error ? error.message : String(error));
};
