import { describe, expect, test } from '@jest/globals';
import { ProblemList, problemText } from './problem.js';
import { readText } from './read.js';
import { Settings } from './settings.js';
import { readMultihome, readSocketSettings } from './socket-settings.js';

const read = (line: string) => {
  const problems = new ProblemList();
  const options = { base: '/', readText: () => '', problems };
  const settings = new Settings(readText(line, 's.conf', options), 's.conf', problems);
  return {
    ...readSocketSettings(settings),
    multihome: readMultihome(settings),
    problems: problems.all.map(problemText),
  };
};

const DEFAULTS = {
  socket: { mark: 0, device: null, mtuDiscovery: null },
  passtos: false,
  multihome: null,
  problems: [],
};

describe('options of the sockets', () => {
  test.each([
    ['', {}],
    ['mark 4294967295', { socket: { ...DEFAULTS.socket, mark: 0xffff_ffff } }],
    ['bind-dev vrf-blue', { socket: { ...DEFAULTS.socket, device: 'vrf-blue' } }],
    ['mtu-disc maybe', { socket: { ...DEFAULTS.socket, mtuDiscovery: 'maybe' } }],
    ['passtos', { passtos: true }],
    ['multihome', { multihome: { sameInterface: false } }],
    ['multihome same-interface', { multihome: { sameInterface: true } }],
  ])('%s', (line, change) => {
    expect(read(line)).toEqual({ ...DEFAULTS, ...change });
  });

  test.each([
    ['mark -1', "'-1' is not a number from 0 to 4294967295; correct it"],
    ['bind-dev a-name-of-16-char', 'cannot be the name of a device; use up to 15 characters'],
    ['mtu-disc often', "'often' is not known; use yes, maybe or no"],
    ['multihome all', "'all' is not known; write: multihome, or multihome same-interface"],
  ])('%s is an error', (line, text) => {
    expect(read(line).problems).toEqual([expect.stringContaining(text)]);
  });
});
