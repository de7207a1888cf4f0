import { describe, expect, test } from '@jest/globals';
import { ALL_SCENARIOS, parseBenchOptions, SCENARIO_NAMES, USAGE, UsageError } from './options.js';

test('a scenario alone', () => {
  expect(parseBenchOptions(['throughput'])).toEqual({
    scenarios: ['throughput'],
    against: 'openvpn',
    server: null,
    client: 'shardvpn',
    proto: 'udp',
    cipher: null,
    auth: null,
    seconds: 5,
    runs: 3,
    clients: null,
    json: null,
    html: null,
  });
});

test('every option', () => {
  const words =
    '--against none --server s.conf --client openvpn --seconds 20 --runs 7 --clients 1000,100 --json j --html h' +
    ' --proto udp --cipher AES-256-CBC --auth SHA1';
  expect(parseBenchOptions([...words.split(' '), 'clients'])).toEqual({
    scenarios: ['clients'],
    against: 'none',
    server: 's.conf',
    client: 'openvpn',
    proto: 'udp',
    cipher: 'AES-256-CBC',
    auth: 'SHA1',
    seconds: 20,
    runs: 7,
    clients: [100, 1000],
    json: 'j',
    html: 'h',
  });
});

test('connections are for scenarios whose clients are programs', () => {
  expect(parseBenchOptions(['hop', '--proto', 'tcp']).proto).toBe('tcp');
});

test('all is everything but the short comparison, which repeats it', () => {
  expect(parseBenchOptions(['all']).scenarios).toEqual(ALL_SCENARIOS);
  expect(new Set([...ALL_SCENARIOS, 'compare'])).toEqual(new Set(SCENARIO_NAMES));
});

test('the help names every scenario', () => {
  for (const name of SCENARIO_NAMES) expect(USAGE).toMatch(new RegExp(`\\b${name}\\b`));
});

describe('what is typed wrong', () => {
  for (const [words, complaint] of [
    [[], /which scenario/],
    [['speed'], /no scenario speed/],
    [['pps', 'latency'], /one scenario at a time/],
    [['pps', '--seconds', '0'], /--seconds 0/],
    [['pps', '--seconds', 'x'], /--seconds x/],
    [['pps', '--seconds', '0.4'], /--seconds 0.4/],
    [['pps', '--runs', '1.5'], /--runs 1.5: it is a whole number/],
    [['clients', '--clients', '10,-1'], /--clients -1/],
    [['pps', '--client', 'wireguard'], /shardvpn or openvpn/],
    [['throughput', '--proto', 'sctp'], /--proto sctp: it is udp or tcp/],
    [['pps', '--proto', 'tcp'], /--proto tcp is for throughput, latency, hop, not for pps/],
    [['pps', '--fast'], /--fast/],
  ] as const) {
    test(words.join(' ') || 'nothing', () => {
      expect(() => parseBenchOptions(words)).toThrow(UsageError);
      expect(() => parseBenchOptions(words)).toThrow(complaint);
    });
  }
});
