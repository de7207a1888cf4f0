import { expect, test } from '@jest/globals';
import { loadConfig } from './load-config.js';
import { problemText } from './problem.js';

/** What is said about these lines. */
const told = (...lines: readonly string[]): readonly string[] =>
  loadConfig({ text: lines.join('\n'), name: 's.conf' }, '/none')
    .problems.filter(({ directive }) => /comp|fragment/.test(directive ?? ''))
    .map(problemText);

test('whoever compresses is told what it gives away', () => {
  expect(told('compress lz4-v2', 'allow-compression yes')).toEqual([
    expect.stringMatching(/^s.conf:2: warning: allow-compression: .*VORACLE.*asym/),
  ]);
});

test('a framing that only takes compressed packets says so, and the way out of it', () => {
  for (const line of ['comp-lzo', 'comp-lzo adaptive', 'compress lzo', 'compress lz4']) {
    const taken = /^s.conf:1: warning: [\w-]+: compressed packets are taken and none are sent.*compress migrate$/;
    expect(told(line)).toEqual([expect.stringMatching(taken)]);
  }
  for (const line of ['comp-lzo no', 'compress', 'compress stub-v2']) {
    expect(told(line)).toEqual([expect.stringMatching(/^s.conf:1: warning: .* only costs room.*compress migrate$/)]);
  }
});

test('nothing is said where there is nothing to say', () => {
  for (const line of [
    'compress migrate',
    'allow-compression no',
    'allow-compression asym',
    'fragment 1300',
    'fragment 0',
  ]) {
    expect(told(line)).toEqual([]);
  }
});

test('fragments are for UDP: a server of TCP alone is told so', () => {
  const fault =
    's.conf:1: fragment: there is only TCP here, which fragments nothing; remove the line, at the other end as well';
  expect(told('fragment 1300', 'proto tcp-server')).toEqual([fault]);
  expect(told('fragment 1300', 'local * 1194 tcp-server')).toEqual([fault]);
  expect(told('fragment 1300', 'local * 1194 tcp-server', 'local * 1195 udp')).toEqual([]);
  expect(told('fragment 0', 'proto tcp-server')).toEqual([]);
});

test.each([
  ['compress snappy', "s.conf:1: compress: 'snappy' is not known; use lzo, lz4, lz4-v2, stub, stub-v2 or migrate"],
  ['comp-lzo maybe', "s.conf:1: comp-lzo: 'maybe' is not known; use no, yes or adaptive"],
  ['allow-compression both', "s.conf:1: allow-compression: 'both' is not known; use no, asym or yes"],
  ['fragment 67', "s.conf:1: fragment: '67' is not a number from 68 to 65535; correct it"],
  ['fragment 1300 ip', "s.conf:1: fragment: 'ip' is not known; use mtu"],
])('%s is refused', (line, text) => expect(told(line)).toEqual([text]));
