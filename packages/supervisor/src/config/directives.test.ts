import { spawnSync } from 'node:child_process';
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

test('none of the options that openvpn tells about is taken for a mistake', () => {
  const { stdout } = spawnSync('openvpn', ['--help'], { encoding: 'utf8' });
  const names = [...stdout.matchAll(/^--([a-z0-9-]+)/gm)].map((match) => match[1] as string);
  expect(names.length).toBeGreaterThan(200);
  expect(names.filter((name) => findDirective(canonicalName(name)) === undefined)).toEqual([]);
});

test('what openvpn once had is not called unknown', () => {
  for (const name of ['pkcs11-slot', 'pkcs11-id-type', 'keysize', 'tls-remote'])
    expect(findDirective(name)).toMatchObject({ standing: 'refused', reason: expect.stringContaining('removed') });
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
