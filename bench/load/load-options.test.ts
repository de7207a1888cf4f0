import { expect, test } from '@jest/globals';
import { parseEchoOptions, parseLoadOptions, UsageError } from './load-options.js';

const parse = (text: string, cpus = 4) => parseLoadOptions(text.split(' '), cpus);

test('a config is enough', () => {
  expect(parse('--config a.conf')).toEqual({
    config: 'a.conf',
    clients: 1,
    pace: { type: 'rate', perSecond: 100 },
    seconds: 5,
    send: { type: 'none' },
    size: 64,
    to: null,
    threads: 1,
    json: null,
  });
});

test('every word is understood', () => {
  const options = parse('--config a --clients 1200 --rate max:8 --send saturate:9 --to 10.8.0.1:7 --size 1400');
  expect(options).toMatchObject({
    clients: 1200,
    pace: { type: 'width', handshakes: 8 },
    send: { type: 'saturate', window: 9 },
    to: { host: '10.8.0.1', port: 7 },
    threads: 3,
  });
  expect(parse('--config a --send paced:0.5 --clients 9999', 2)).toMatchObject({
    send: { type: 'paced', pps: 0.5 },
    threads: 2,
  });
  expect(parseEchoOptions(['--listen', '10.8.0.1:7000', '--sink'])).toEqual({
    listen: { host: '10.8.0.1', port: 7000 },
    answers: false,
    flood: null,
    single: false,
    pps: null,
  });
  expect(parseEchoOptions('--listen 10.8.0.1:7000 --flood 1372 --single --pps 9000'.split(' '))).toMatchObject({
    answers: false,
    flood: 1372,
    single: true,
    pps: 9000,
  });
  expect(parse('--config a --send flood').send).toEqual({ type: 'flood' });
});

test.each([
  ['--clients 3', /--config/],
  ['--config a --clients 0', /--clients 0/],
  ['--config a --rate max:x', /--rate/],
  ['--config a --rate maxi', /--rate maxi/],
  ['--config a --send fast', /--send fast/],
  ['--config a --send paced:-1', /--send paced:-1/],
  ['--config a --size 31', /--size 31/],
  ['--config a --to nowhere', /--to nowhere/],
  ['--config a --wrong', /wrong/],
])('%s is refused in one line', (text, message) => {
  expect(() => parse(text)).toThrow(UsageError);
  expect(() => parse(text)).toThrow(message);
});

test.each([
  ['--sink', /--listen/],
  ['--listen 1.2.3.4:5 --flood 1500', /--flood 1500/],
  ['--listen 1.2.3.4:5 --flood 64 --sink', /--sink/],
  ['--listen 1.2.3.4:5 --single', /--single/],
  ['--listen 1.2.3.4:5 --sink --pps 5', /--pps/],
  ['--listen 1.2.3.4:5 --flood 64 --pps 0', /--pps 0/],
])('echo %s is refused in one line', (text, message) => {
  expect(() => parseEchoOptions(text.split(' '))).toThrow(UsageError);
  expect(() => parseEchoOptions(text.split(' '))).toThrow(message);
});
