import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { loadConfig } from '../config/load-config.js';
import { DataDirectory } from './data-directory.js';

/** Programs are started, on machines that may be busy. */

let folder: string;
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'shardvpn-data-')), 'with "quote');
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true }));

const REMOTE = { host: 'vpn.example.org', port: 4711 };

const create = async (): Promise<DataDirectory> => {
  const data = await DataDirectory.create(folder, 1195);
  data.remote = REMOTE;
  return data;
};

test('makes a configuration without a fault, which reads its files from any directory', async () => {
  const data = await create();
  const { config, problems } = loadConfig({ arguments: ['--config', data.configFile] }, '/');
  expect(problems).toEqual([]);
  expect(config).toMatchObject({
    crlFile: join(folder, 'pki/crl.pem'),
    wrap: { type: 'tls-crypt' },
    adminHttp: { host: '127.0.0.1', port: 8505 },
    explicitExitNotify: 1,
    tls: { remoteCertTls: 'client' },
  });
  expect(config?.listeners[0]?.port).toBe(1195);
  expect(config?.ipv6?.network).toMatch(/^fd/);
});

test('everything is for its owner alone', async () => {
  const data = await create();
  await data.addClient('client1', REMOTE);
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const { mode } = statSync(join(folder, name));
    expect([name, mode & 0o077]).toEqual([name, 0]);
  }
});

test('openvpn takes profile and configuration as they are', async () => {
  const data = await create();
  const profile = await data.addClient('client1', REMOTE);
  // --show-gateway makes openvpn read and check the whole file without connecting.
  const accepts = (file: string): void =>
    void execFileSync('openvpn', ['--config', file, '--show-gateway'], { stdio: 'pipe' });
  expect(() => accepts(profile)).not.toThrow();
  const shared = join(folder, 'openvpn.conf');
  writeFileSync(shared, readFileSync(data.configFile, 'utf8').replace(/^admin-http .*$/m, ''));
  expect(() => accepts(shared)).not.toThrow();
  writeFileSync(shared, 'nonsense 1\n');
  expect(() => accepts(shared)).toThrow();
  expect(readFileSync(profile, 'utf8')).toContain('remote vpn.example.org 4711\n');
});

test('port and address can change later on', async () => {
  const data = await create();
  const profile = await data.addClient('client1', REMOTE);
  data.port = 1300;
  data.moveTo({ host: '192.0.2.7', port: 1300 });
  const again = DataDirectory.open(folder);
  expect([again?.port, again?.remote]).toEqual([1300, { host: '192.0.2.7', port: 1300 }]);
  expect(readFileSync(profile, 'utf8')).toContain('remote 192.0.2.7 1300\n');
});

test('a revoked client has no profile and its name is free again', async () => {
  const data = await create();
  const profile = await data.addClient('anna', REMOTE);
  await data.revokeClient('anna');
  expect(existsSync(profile)).toBe(false);
  await data.addClient('anna', REMOTE);
});

test.each(['../x', 'a/b', '', '.hidden', 'a b', 'x'.repeat(64), 'a\nb'])('%j is no name of a client', async (name) => {
  const data = await create();
  await expect(data.addClient(name, REMOTE)).rejects.toMatchObject({ code: 'config/client-name' });
});

test('there is none where none was made', () => {
  expect(DataDirectory.open(join(folder, 'nowhere'))).toBeUndefined();
});

test('one that cannot be used is told as such, with its path', async () => {
  const file = join(folder, '..', 'file');
  writeFileSync(file, '');
  const fault = {
    code: 'config/data-directory',
    message: expect.stringContaining(`cannot use ${file}/data: a part of`),
  };
  expect(() => DataDirectory.open(join(file, 'data'))).toThrow(expect.objectContaining(fault));
  await expect(DataDirectory.create(join(file, 'data'), 1194)).rejects.toMatchObject(fault);
});
