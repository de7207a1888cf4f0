import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createLog, type Log } from './log.js';

describe('log', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'log-'));
    file = join(folder, 'vpn.log');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const written = (verb: number, write: (log: Log) => void, append = true): string[] => {
    write(createLog({ verb, file, append }));
    return readFileSync(file, 'utf8').split('\n').slice(0, -1);
  };
  const everything = (log: Log): void => {
    log.debug('d');
    log.info('i');
    log.warn('w');
    log.error('e');
  };

  test.each([
    [0, ['error: e']],
    [1, ['info: i', 'warning: w', 'error: e']],
    [3, ['info: i', 'warning: w', 'error: e']],
    [4, ['debug: d', 'info: i', 'warning: w', 'error: e']],
    [11, ['debug: d', 'info: i', 'warning: w', 'error: e']],
  ])('verb %d shows %j', (verb, lines) => {
    expect(written(verb, everything).map((line) => line.slice(24))).toEqual(lines);
  });

  test('what was moved away is opened anew, and nothing happens to a file that was not', () => {
    const log = createLog({ verb: 3, file, append: false });
    log.info('one');
    expect(log.reopen?.()).toBeNull();
    log.info('two');
    renameSync(file, `${file}.1`);
    log.info('three');
    expect(log.reopen?.()).toBeNull();
    log.info('four');
    const messages = (name: string) => readFileSync(name, 'utf8').match(/(?<=info: ).*/g);
    expect([messages(`${file}.1`), messages(file)]).toEqual([['one', 'two', 'three'], ['four']]);
    rmSync(file);
    mkdirSync(file);
    expect(log.reopen?.()).toMatch(/^the log goes on in the file that was moved away: EISDIR/);
    log.info('five');
  });

  test('an entry is one line with a time and its fields', () => {
    const [line] = written(3, (log) =>
      log.info('client connected', { from: '192.0.2.1:1', name: 'a b', peer: 3, odd: 'x=y' }),
    );
    expect(line).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} info: client connected from=192\.0\.2\.1:1 name="a b" peer=3 odd="x=y"$/,
    );
  });

  test('what a client sent cannot forge a line', () => {
    const lines = written(3, (log) =>
      log.info('a\nb\r\u001b[2Jc\u202ed', { name: 'x\n2026 info: forged', list: ['\n'] }),
    );
    expect(lines).toHaveLength(1);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    expect(lines[0]).not.toMatch(/[\u0000-\u001f\u202e]/);
  });

  test('what a client sent cannot fill the disk', () => {
    const [line = ''] = written(3, (log) => log.info('x', { version: '9'.repeat(60_000) }));
    expect(line.length).toBeLessThan(2200);
    expect(line).toContain('(58000 more)');
  });

  test('a full disk costs lines, not the server', () => {
    const log = createLog({ verb: 3, file: '/dev/full', append: true });
    for (let i = 0; i < 3; i++) log.error('nobody will read this');
  });

  test('append keeps what is there, otherwise the file starts anew', () => {
    written(3, (log) => log.info('one'));
    expect(written(3, (log) => log.info('two'))).toHaveLength(2);
    expect(written(3, (log) => log.info('three'), false)).toHaveLength(1);
  });

  test('a field may have the name of a part of the entry', () => {
    const [line] = written(3, (log) => log.info('text', { level: 'x', time: 'y', msg: 'z' }));
    expect(line).toContain('info: text');
  });
});
