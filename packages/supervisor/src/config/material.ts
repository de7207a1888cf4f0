import { readFileSync, statSync } from 'node:fs';
import { type Entry, fileFault } from './read.js';
import type { Settings } from './settings.js';

/** Text of a directive that takes a file or a block. */
export interface Material {
  readonly entry: Entry;
  readonly text: string;
  /** Absolute path, null for a block. */
  readonly file: string | null;
}

/** Reads the file or block of a directive; what cannot be read is an error and gives undefined. */
export const readMaterial = (settings: Settings, name: string): Material | undefined => {
  const entry = settings.last(name);
  if (entry === undefined) return undefined;
  if (entry.inline !== null) return { entry, text: entry.inline, file: null };
  const named = entry.args[0] as string;
  if (named === '[inline]') {
    settings.error(entry, `the block is missing; add <${name}> ... </${name}>`);
    return undefined;
  }
  const file = settings.path(named);
  try {
    if (statSync(file).size > MAX_FILE_BYTES) {
      settings.error(entry, `'${named}' is larger than ${MAX_FILE_BYTES >> 20} MiB; is it the right file?`);
      return undefined;
    }
    return { entry, text: readFileSync(file, 'utf8'), file };
  } catch (error) {
    settings.error(entry, `cannot read '${named}': ${fileFault(error)}`);
    return undefined;
  }
};

/** Large revocation lists are the largest files that make sense. */
const MAX_FILE_BYTES = 64 << 20;

/** How messages call it. */
export const materialName = ({ entry, file }: Material): string => (file === null ? 'the block' : `'${entry.args[0]}'`);

/** The PEM blocks with one of the labels, `CERTIFICATE` for example. */
export const pemBlocks = (text: string, label: RegExp): readonly string[] =>
  [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g)]
    .filter((match) => label.test(match[1] as string))
    .map((match) => `${match[0]}\n`);

/** Labels of all PEM blocks, to say what a wrong file holds. */
export const pemContents = (text: string): string => {
  const labels = [...text.matchAll(/-----BEGIN ([A-Za-z0-9 ]{1,60})-----/g)].map((match) => match[1] as string);
  return labels.length === 0 ? 'nothing in PEM form' : [...new Set(labels)].join(', ');
};
