import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { startError } from './start-error.js';

/**
 * A small file that is replaced whole, again and again. Readers see the old text or the new one. It is opened at the start,
 * so that it can still be written in place after `user` has taken away the right to make files beside it.
 */
export class StateFile {
  readonly path: string;
  #fd: number | null;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  /** Opens or creates the file without changing it; `directive` is for the error's words. */
  static open(path: string, directive: string): StateFile {
    try {
      const fd = openSync(path, 'a+', 0o600);
      // The file behind a link is replaced, not the link.
      return new StateFile(realpathSync(path), fd);
    } catch (error) {
      throw startError('config/cannot-write-file', `cannot open the ${directive} file ${path}`, error, {
        ENOENT: 'create its folder',
        EACCES: 'change its permissions',
      });
    }
  }

  /** Goes on with whatever has the name now, where the file was moved away; throws when it cannot be opened. */
  reopen(): void {
    const named = statSync(this.path, { throwIfNoEntry: false });
    if (this.#fd === null) return;
    const open = fstatSync(this.#fd);
    if (named?.ino === open.ino && named.dev === open.dev) return;
    const fd = openSync(this.path, 'a+', 0o600);
    this.close();
    this.#fd = fd;
  }

  read(): string {
    return readFileSync(this.path, 'utf8');
  }

  write(text: string): void {
    if (isSpecial(this.#fd) || !this.#replaced(text)) this.#overwrite(text);
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  /** False when no file may be made there. */
  #replaced(text: string): boolean {
    const next = `${this.path}.tmp`;
    try {
      // Never into what somebody has put there: a link would lead to a file of their choice.
      tryUnlink(next);
      writeFileSync(next, text, { mode: 0o600, flag: 'wx' });
      renameSync(next, this.path);
    } catch {
      tryUnlink(next);
      return false;
    }
    this.close();
    this.#fd = openSync(this.path, 'a+', 0o600);
    return true;
  }

  #overwrite(text: string): void {
    if (this.#fd === null) return;
    if (!isSpecial(this.#fd)) ftruncateSync(this.#fd);
    writeSync(this.#fd, text);
  }
}

/** `/dev/stdout` and pipes are written to, never replaced. */
const isSpecial = (fd: number | null): boolean => fd !== null && !fstatSync(fd).isFile();

const tryUnlink = (path: string): void => {
  try {
    unlinkSync(path);
  } catch {
    // It was never made.
  }
};
