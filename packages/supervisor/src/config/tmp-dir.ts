import { accessSync, constants, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileFault } from './read.js';
import type { Settings } from './settings.js';

/** `tmp-dir`, or what the system has for temporary files. */
export const readTmpDir = (settings: Settings): string => {
  const entry = settings.last('tmp-dir');
  if (entry === undefined) return tmpdir();
  const folder = settings.path(entry.args[0] ?? '');
  try {
    if (!statSync(folder).isDirectory()) settings.error(entry, `${folder} is not a directory; name one`);
    else accessSync(folder, constants.W_OK);
  } catch (error) {
    settings.error(entry, `cannot write to ${folder}: ${fileFault(error)}`);
  }
  return folder;
};
