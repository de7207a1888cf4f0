import { describe, expect, test } from '@jest/globals';
import { NO_LIMITS } from '@shardvpn/core';
import { readConnectFreq, readLimits } from './limits.js';
import { ProblemList, problemText } from './problem.js';
import { readText } from './read.js';
import { Settings } from './settings.js';

const read = (...lines: readonly string[]) => {
  const problems = new ProblemList();
  const options = { base: '/', readText: () => '', problems };
  const settings = new Settings(readText(lines.join('\n'), 's.conf', options), 's.conf', problems);
  const limits = { ...readLimits(settings), connectFreq: readConnectFreq(settings) };
  return { limits, problems: problems.all.map(problemText) };
};

const DEFAULTS = {
  dataLimits: NO_LIMITS,
  sessionTimeout: 0,
  replayWindow: null,
  tlsTimeout: 2,
  maxPacketSize: 1250,
  connectFreq: null,
};

describe('limits', () => {
  test('are OpenVPN defaults where no line is', () => {
    expect(read()).toEqual({ limits: DEFAULTS, problems: [] });
  });

  test.each([
    ['reneg-bytes 5000000000000', { dataLimits: { ...NO_LIMITS, renegBytes: 5e12 } }],
    ['reneg-pkts 7', { dataLimits: { ...NO_LIMITS, renegPackets: 7 } }],
    ['inactive 600', { dataLimits: { ...NO_LIMITS, inactive: { seconds: 600, bytes: 0 } } }],
    ['inactive 600 10000000000', { dataLimits: { ...NO_LIMITS, inactive: { seconds: 600, bytes: 1e10 } } }],
    ['session-timeout 3600', { sessionTimeout: 3600 }],
    ['replay-window 0', { replayWindow: { size: 0, seconds: 15 } }],
    ['replay-window 65536 600', { replayWindow: { size: 65536, seconds: 600 } }],
    ['tls-timeout 4', { tlsTimeout: 4 }],
    ['max-packet-size 154', { maxPacketSize: 154 }],
    ['connect-freq 5 60', { connectFreq: { count: 5, seconds: 60 } }],
  ])('%s', (line, change) => {
    expect(read(line)).toEqual({ limits: { ...DEFAULTS, ...change }, problems: [] });
  });

  test.each([
    ['max-packet-size 153', "'153' is not a number from 154 to 2048; correct it"],
    ['max-packet-size 2049', "'2049' is not a number from 154 to 2048; correct it"],
    ['replay-window 65537', "'65537' is not a number from 0 to 65536; correct it"],
    ['replay-window 64 601', "'601' is not a number from 0 to 600; correct it"],
    ['inactive soon', "'soon' is not a number from 0 to 2000000; correct it"],
    ['connect-freq 0 10', "'0' is not a number from 1 to 1000000000; correct it"],
    ['reneg-bytes -1', "'-1' is not a number from 0 to 9007199254740991; correct it"],
    ['tls-timeout 0', "'0' is not a number from 1 to 3600; correct it"],
  ])('%s is an error', (line, text) => {
    const [problem] = read(line).problems;
    expect(problem).toMatch(/^(error: )?s\.conf:1/);
    expect(problem).toContain(text);
  });

  test.each(['mute-replay-warnings', 'stale-routes-check 60'])('%s is noted and changes nothing', (line) => {
    const { limits, problems } = read(line);
    expect(limits).toEqual(DEFAULTS);
    expect(problems).toEqual([expect.stringContaining('ignored: ')]);
  });
});
