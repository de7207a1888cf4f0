import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

/** The command as it is installed: on the build. */
const PROGRAM = resolve(__dirname, '../../bin/shardvpn.mjs');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'shardvpn-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (...words: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...words], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 250_000,
  });
  return { status, stdout, stderr };
};

test('--version and --help', () => {
  expect(run('--version')).toEqual({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), stderr: '' });
  expect(run('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('shardvpn --config server.conf') });
});

describe('what goes wrong is one clear line and exit code 1', () => {
  test.each<[string[], RegExp]>([
    [['no.conf'], /^command line: config: cannot read 'no.conf': no such file;.*\n$/],
    [['--config', 'no.conf', '--port', '1'], /^command line: config: cannot read 'no.conf': no such file;.*\n$/],
    [['genkey', 'tls-crypt-v2-client'], /^shardvpn: name the key of the server with --tls-crypt-v2 FILE\n$/],
    [
      ['genkey', 'secret', '--metadata', 'aa'],
      /^shardvpn: --tls-crypt-v2 and --metadata are for tls-crypt-v2-client\n$/,
    ],
    [
      ['genkey', 'tls-crypt-v2-client', '--tls-crypt-v2', '/etc/hostname'],
      /^shardvpn: '\/etc\/hostname' is no key of tls-crypt-v2: the block .* is missing\n$/,
    ],
    [['check', 'no.conf'], /^command line: config: cannot read 'no.conf': no such file;.*\n1 error\n$/],
    [
      ['client', 'list'],
      /^shardvpn: there is no data directory .*; run 'shardvpn quickstart' first, or name it with --data-dir\n$/,
    ],
    [['client', 'add', 'x', '--bogus'], /^shardvpn: unknown option '--bogus'\n$/],
    [
      ['reload', 'no.conf'],
      /^command line: config: cannot read 'no.conf': no such file;.*\nthe configuration has errors: the server was not asked\n$/,
    ],
    [
      ['quickstart', '--port', 'x'],
      /^shardvpn: option '--port <port>' argument 'x' is invalid. It is a number from 1 to 65535.\n$/,
    ],
  ])('%j', (words, expected) =>
    expect(run(...words)).toEqual({ status: 1, stdout: expect.any(String), stderr: expect.stringMatching(expected) }),
  );

  test('a key for tokens has the form that openvpn writes', () => {
    const { stdout } = run('genkey', 'auth-token');
    const [first, ...rest] = stdout.trimEnd().split('\n');
    expect(first).toBe('-----BEGIN OpenVPN auth-token server key-----');
    expect(rest.pop()).toBe('-----END OpenVPN auth-token server key-----');
    expect(Buffer.from(rest.join(''), 'base64')).toHaveLength(128);
  });

  test('a port that is taken', async () => {
    const socket = createSocket('udp4');
    const port = await new Promise<number>((done) => socket.bind(0, () => done(socket.address().port)));
    const result = run('quickstart', '--port', String(port));
    socket.close();
    expect(result).toEqual({
      status: 1,
      stdout: '',
      stderr: `shardvpn: UDP port ${port} is in use by another program; choose another one: --port 1195\n`,
    });
  });
});

test('check tells everything at once', () => {
  writeFileSync(join(folder, 'bad.conf'), 'port x\nzork\ndev tun\n');
  const { status, stderr } = run('check', 'bad.conf');
  expect(status).toBe(1);
  expect(stderr.split('\n').map((line) => line.split(': ').slice(0, 2).join(' '))).toEqual([
    'bad.conf:1 port',
    'bad.conf:2 zork',
    'bad.conf server',
    'bad.conf ca',
    'bad.conf cert',
    'bad.conf key',
    '6 errors',
    '',
  ]);
});
