import { expect, test } from '@jest/globals';
import { canonicalName, directiveNames, findDirective } from './directives.js';
import { nearestName } from './nearest-name.js';
import { OTHER_DIRECTIVES } from './other-directives.js';
import { SUPPORTED_DIRECTIVES } from './supported-directives.js';

test('no directive is in two groups', () => {
  const names = [...Object.keys(SUPPORTED_DIRECTIVES), ...OTHER_DIRECTIVES.flatMap(({ names }) => names.split(/\s+/))];
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  expect(names.filter((name) => !/^[a-z0-9-]+$/.test(name))).toEqual([]);
  expect(names.length).toBeGreaterThanOrEqual(300);
});

test('old names lead to a directive that exists', () => {
  for (const name of directiveNames()) expect(findDirective(canonicalName(name))).toBeDefined();
});

test('names of object members are unknown', () => {
  for (const name of ['constructor', '__proto__', 'toString'])
    expect(findDirective(canonicalName(name))).toBeUndefined();
});

test.each([
  ['chiper', 'cipher'],
  ['keepalve', 'keepalive'],
  ['data-cipher', 'data-ciphers'],
  ['client-to-clients', 'client-to-client'],
  ['tls_crypt', 'tls-crypt'],
  ['xyzzy', null],
])('%s is taken for %s', (word, expected) => expect(nearestName(word, directiveNames())).toBe(expected));
