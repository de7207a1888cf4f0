import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ProblemList, problemText } from './problem.js';
import { readArguments, readText } from './read.js';

const read = (files: Readonly<Record<string, string>>, start: string | readonly string[]) => {
  const problems = new ProblemList();
  const options = {
    base: '/etc/vpn',
    problems,
    readText: (path: string) => {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error('gone'), { code: 'ENOENT' });
      return text;
    },
  };
  const result = typeof start === 'string' ? readText(start, 'server.conf', options) : readArguments(start, options);
  return {
    base: result.base,
    lines: result.entries.map(({ name, args, inline, place }) => [
      `${place.file}:${place.line}`,
      name,
      ...args,
      ...(inline === null ? [] : [inline]),
    ]),
    problems: problems.all.map(problemText),
  };
};

describe('readText', () => {
  test('takes BOM, CRLF, comments and leading dashes', () => {
    const { lines, problems } = read({}, '\ufeff# head\r\nport 1194\r\n\r\n--dev tun ; why\r\n');
    expect(lines).toEqual([
      ['server.conf:2', 'port', '1194'],
      ['server.conf:4', 'dev', 'tun'],
    ]);
    expect(problems).toEqual([]);
  });

  test('takes blocks whole, comments and quotes included', () => {
    const { lines } = read({}, '<ca>\n# not a comment\n"open\n  </ca>\nport 1');
    expect(lines).toEqual([
      ['server.conf:1', 'ca', '# not a comment\n"open\n'],
      ['server.conf:5', 'port', '1'],
    ]);
  });

  test('says where a block is not closed', () => {
    expect(read({}, 'port 1\n<ca>\nx').problems).toEqual([
      'server.conf:2: ca: the block is not closed; add a line </ca>',
    ]);
  });

  test('refuses long lines and too many words, but not long comments', () => {
    const { problems } = read({}, `push ${'x'.repeat(300)}\n# ${'y'.repeat(300)}\na${' b'.repeat(16)}`);
    expect(problems).toEqual([
      'server.conf:1: the line has 305 bytes; at most 256 are allowed',
      'server.conf:3: a: 17 words; at most 16 are allowed',
    ]);
  });

  test('reads included files, relative to the directory that cd names', () => {
    const { lines, base } = read({ '/srv/more.conf': 'verb 3' }, 'cd /srv\nconfig more.conf\nport 2');
    expect(lines).toEqual([
      ['server.conf:1', 'cd', '/srv'],
      ['more.conf:1', 'verb', '3'],
      ['server.conf:3', 'port', '2'],
    ]);
    expect(base).toBe('/srv');
  });

  test('stops at a file that includes itself', () => {
    expect(read({ '/etc/vpn/a': 'config a' }, 'config a').problems).toEqual([
      'a:1: config: more than 10 files deep; does a file include itself?',
    ]);
  });

  test('never throws, whatever the text', () => {
    const piece = fc.oneof(fc.string(), fc.constantFrom('<ca>', '</ca>', '\n', '"', "'", '\\', 'config x', '--', '\0'));
    fc.assert(fc.property(fc.array(piece), (pieces) => void read({ '/etc/vpn/x': 'port 1\n' }, pieces.join(''))));
  });
});

describe('readArguments', () => {
  test('splits at leading dashes and reads the file in its place', () => {
    const { lines } = read({ '/etc/vpn/s.conf': 'verb 3' }, [
      '--port',
      '1195',
      '--config',
      's.conf',
      '--push',
      'route 1.2.3.4',
    ]);
    expect(lines).toEqual([
      ['command line:0', 'port', '1195'],
      ['s.conf:1', 'verb', '3'],
      ['command line:0', 'push', 'route 1.2.3.4'],
    ]);
  });

  test('says what is not an option, and what cannot be read', () => {
    expect(read({}, ['port']).problems).toEqual(["command line: 'port' is not an option; options start with --"]);
    expect(read({}, ['--config', 'no.conf']).problems[0]).toMatch(
      /^command line: config: cannot read 'no.conf': no such file;/,
    );
  });
});
