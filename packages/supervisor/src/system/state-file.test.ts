import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { StateFile } from './state-file.js';

describe('state file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'state-file-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('is made for its owner alone and leaves nothing beside it', () => {
    const path = join(folder, 'status.txt');
    const file = StateFile.open(path, 'status');
    file.write('one\n');
    file.write('two\n');
    file.close();
    expect(readFileSync(path, 'utf8')).toBe('two\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['status.txt']);
  });

  test('a link that somebody has put in its way is not followed', () => {
    const path = join(folder, 'status.txt');
    const victim = join(folder, 'victim');
    writeFileSync(victim, 'precious');
    const file = StateFile.open(path, 'status');
    symlinkSync(victim, `${path}.tmp`);
    file.write('one\n');
    file.close();
    expect(readFileSync(victim, 'utf8')).toBe('precious');
    expect(lstatSync(path).isFile()).toBe(true);
    expect(readFileSync(path, 'utf8')).toBe('one\n');
  });

  test('a reader that has the file open keeps the old text whole', () => {
    const path = join(folder, 'status.txt');
    writeFileSync(path, 'a long text of earlier');
    const before = statSync(path).ino;
    const file = StateFile.open(path, 'status');
    file.write('new');
    file.close();
    expect(statSync(path).ino).not.toBe(before);
  });

  test('goes on in the new file where the old one was moved away and it can only be written in place', () => {
    const path = join(folder, 'status.txt');
    const file = StateFile.open(path, 'status');
    mkdirSync(`${path}.tmp`);
    file.write('one\n');
    file.reopen();
    renameSync(path, `${path}.1`);
    writeFileSync(path, '');
    file.reopen();
    file.write('two\n');
    file.close();
    expect([readFileSync(`${path}.1`, 'utf8'), readFileSync(path, 'utf8')]).toEqual(['one\n', 'two\n']);
  });

  test('is written in place where nothing can be made beside it', () => {
    const path = join(folder, 'ipp.txt');
    writeFileSync(path, 'a long text of earlier');
    const file = StateFile.open(path, 'ifconfig-pool-persist');
    // What cannot be removed stands in for a folder that may not be written to.
    mkdirSync(`${path}.tmp`);
    const before = statSync(path).ino;
    file.write('new');
    file.close();
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(statSync(path).ino).toBe(before);
  });

  test('the file behind a link is replaced, not the link', () => {
    const [path, link] = [join(folder, 'real'), join(folder, 'link')];
    writeFileSync(path, 'old');
    symlinkSync(path, link);
    const file = StateFile.open(link, 'status');
    file.write('new');
    file.close();
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(path, 'utf8')).toBe('new');
  });

  test('a file that cannot be opened is a configuration error that names it', () => {
    expect(() => StateFile.open(join(folder, 'no', 'such'), 'status')).toThrow(
      expect.objectContaining({
        code: 'config/cannot-write-file',
        message: expect.stringMatching(/status file .*no\/such: .*create its folder/),
      }),
    );
  });
});
