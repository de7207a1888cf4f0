import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { splitWords } from './split-words.js';

const words = (line: string) => {
  const split = splitWords(line);
  return 'words' in split ? split.words : split.fault;
};

describe('splitWords', () => {
  test.each([
    ['port 1194', ['port', '1194']],
    ['  port\t1194  # the usual one', ['port', '1194']],
    ['; nothing here', []],
    ['push "route 10.0.0.0 255.0.0.0"', ['push', 'route 10.0.0.0 255.0.0.0']],
    ['push \'dhcp-option "DNS" \\x\'', ['push', 'dhcp-option "DNS" \\x']],
    ['ca my\\ ca.crt', ['ca', 'my ca.crt']],
    ['ca C:\\\\keys', ['ca', 'C:\\keys']],
    ['setenv A b#c', ['setenv', 'A', 'b#c']],
    ['setenv A it"s', ['setenv', 'A', 'it"s']],
    ['push ""', ['push', '']],
    ['a "b"c', ['a', 'b', 'c']],
  ])('%s', (line, expected) => expect(words(line)).toEqual(expected));

  test('says what is wrong with a quote or a backslash', () => {
    expect(words('push "route')).toBe('the quote " is not closed; end the word with "');
    expect(words('ca C:\\keys')).toBe('a backslash stands before k; write \\\\ for a backslash');
    expect(words('ca x\\')).toBe('a backslash stands before the end of the line; write \\\\ for a backslash');
  });

  test('gives back what was quoted', () => {
    const quoted = (word: string): string => `"${word.replace(/(["\\])/g, '\\$1')}"`;
    fc.assert(fc.property(fc.array(fc.string()), (list) => expect(words(list.map(quoted).join(' '))).toEqual(list)));
  });

  test('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (line) => void splitWords(line)));
  });
});
