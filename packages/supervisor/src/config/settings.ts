import { canonicalName, type Directive, type DirectiveTable, SERVER_DIRECTIVES } from './directives.js';
import { nearestName } from './nearest-name.js';
import type { ProblemList, Severity } from './problem.js';
import { type Entry, type ReadResult, resolveFrom } from './read.js';

/**
 * The supported directives of a configuration, with their argument counts checked. Every other one has become
 * a problem: an error, or a note when it changes nothing.
 */
export class Settings {
  private readonly byName = new Map<string, Entry[]>();
  /** Position of each entry: names that mean the same are compared by it. */
  private readonly admitted = new Map<Entry, number>();
  private readonly base: string;

  constructor(
    { entries, base }: ReadResult,
    /** Stands in for the place of what is missing. */
    readonly source: string,
    readonly problems: ProblemList,
    private readonly table: DirectiveTable = SERVER_DIRECTIVES,
  ) {
    this.base = base;
    const tolerated = new Set(entries.filter((e) => e.name === 'ignore-unknown-option').flatMap((e) => e.args));
    for (const entry of entries) this.admit(entry, tolerated);
  }

  has(name: string): boolean {
    return this.byName.has(name);
  }

  /** The occurrence that counts. */
  last(...names: readonly string[]): Entry | undefined {
    return names
      .flatMap((name) => this.all(name))
      .reduce<Entry | undefined>((a, b) => (a !== undefined && this.order(a) > this.order(b) ? a : b), undefined);
  }

  all(name: string): readonly Entry[] {
    return this.byName.get(name) ?? [];
  }

  /** Argument of the occurrence that counts. */
  text(name: string, index = 0): string | undefined {
    return this.last(name)?.args[index];
  }

  /** A whole number; anything else is an error and gives the fallback. */
  integer(name: string, fallback: number, min: number, max: number): number {
    const entry = this.last(name);
    return entry?.args[0] === undefined ? fallback : this.integerAt(entry, 0, fallback, min, max);
  }

  integerAt(entry: Entry, index: number, fallback: number, min: number, max: number): number {
    const text = entry.args[index];
    if (text === undefined) return fallback;
    const value = /^[+-]?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    this.error(entry, `'${text}' is not a number from ${min} to ${max}; correct it`);
    return fallback;
  }

  /** Absolute path of a file named in the configuration. */
  path(file: string): string {
    return resolveFrom(this.base, file);
  }

  error(entry: Entry, message: string): void {
    this.say('error', entry, message);
  }

  warning(entry: Entry, message: string): void {
    this.say('warning', entry, message);
  }

  note(entry: Entry, message: string): void {
    this.say('note', entry, message);
  }

  /** A directive that should be there. */
  missing(name: string, message: string): void {
    this.problems.add('error', { file: this.source, line: 0 }, name, message);
  }

  private say(severity: Severity, entry: Entry, message: string): void {
    this.problems.add(severity, entry.place, entry.name, message);
  }

  private order(entry: Entry): number {
    return this.admitted.get(entry) ?? -1;
  }

  private admit(entry: Entry, tolerated: ReadonlySet<string>): void {
    if (entry.name === 'setenv' && entry.args[0] === 'opt') {
      this.admitOptional({ ...entry, name: entry.args[1] ?? '', args: entry.args.slice(2) });
      return;
    }
    const name = canonicalName(entry.name);
    const directive = this.table.find(name);
    if (directive === undefined) {
      this.refuseUnknown(entry, tolerated);
    } else if (directive.standing === 'supported') {
      this.admitSupported(entry, name, directive);
    } else if (directive.standing === 'ignored') {
      this.note(entry, `ignored: ${directive.reason}`);
    } else if (tolerated.has(entry.name) && directive.standing === 'unsupported') {
      this.note(entry, 'ignored, as ignore-unknown-option says: it is not supported yet');
    } else {
      this.error(entry, directive.reason.replace('%s', entry.name));
    }
  }

  /** `setenv opt X ...`: X if it is supported, nothing otherwise. */
  private admitOptional(entry: Entry): void {
    const name = canonicalName(entry.name);
    const directive = this.table.find(name);
    if (directive?.standing === 'supported') {
      this.admitSupported(entry, name, directive);
    } else {
      this.note(entry, 'ignored, as setenv opt says: it is not supported');
    }
  }

  private refuseUnknown(entry: Entry, tolerated: ReadonlySet<string>): void {
    if (tolerated.has(entry.name)) {
      this.note(entry, 'ignored, as ignore-unknown-option says');
      return;
    }
    const nearest = nearestName(entry.name.toLowerCase(), this.table.names());
    this.error(entry, `unknown directive; ${nearest === null ? 'remove the line' : `did you mean ${nearest}?`}`);
  }

  private admitSupported(entry: Entry, name: string, form: Directive & { standing: 'supported' }): void {
    if (entry.inline !== null && !form.inline) {
      this.error(entry, 'it cannot be a block; write it on one line');
      return;
    }
    const count = entry.args.length;
    if (entry.inline === null && (count < form.min || count > form.max)) {
      this.error(entry, `${countText(count)} given, ${rangeText(form.min, form.max)} wanted; correct the line`);
      return;
    }
    const earlier = this.byName.get(name);
    if (earlier === undefined) {
      this.byName.set(name, [entry]);
    } else {
      const before = earlier.at(-1)?.place;
      earlier.push(entry);
      if (!form.repeatable && count > 0 && before?.file === entry.place.file) {
        this.warning(entry, `given more than once; this one counts, the one in line ${before.line} does not`);
      }
    }
    this.admitted.set(entry, this.admitted.size);
  }
}

const countText = (count: number): string =>
  count === 0 ? 'no argument' : count === 1 ? '1 argument' : `${count} arguments`;

const rangeText = (min: number, max: number): string => {
  if (max === 0) return 'none';
  return min === max ? `${min}` : `${min} to ${max}`;
};
