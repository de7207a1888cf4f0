import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Authority } from './authority.js';

/** Programs are started, on machines that may be busy. */

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shardvpn-pki-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** `openssl verify` of a certificate with the authority's CRL. */
const verify = (certificate: string, purpose: 'sslserver' | 'sslclient'): string => {
  writeFileSync(join(folder, 'leaf.crt'), certificate);
  const files = ['-CAfile', join(folder, 'ca.crt'), '-CRLfile', join(folder, 'crl.pem')];
  try {
    const words = ['verify', '-x509_strict', '-crl_check', ...files, '-purpose', purpose, join(folder, 'leaf.crt')];
    return execFileSync('openssl', words, { encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    return (error as { stderr: string }).stderr;
  }
};

test('issues certificates that OpenSSL accepts for their purpose only', async () => {
  const authority = await Authority.create(folder, 'Test CA');
  const server = await authority.issue('server', 'server');
  const client = await authority.issue('client', 'anna');
  expect(verify(server.certificate, 'sslserver')).toMatch(/: OK/);
  expect(verify(client.certificate, 'sslclient')).toMatch(/: OK/);
  expect(verify(client.certificate, 'sslserver')).toMatch(
    /unsuitable certificate purpose|unsupported certificate purpose/,
  );
});

test('revokes, so that OpenSSL refuses, and remembers it', async () => {
  const authority = await Authority.create(folder, 'Test CA');
  const anna = await authority.issue('client', 'anna');
  const bert = await authority.issue('client', 'bert');
  await authority.revoke('anna');
  expect(verify(anna.certificate, 'sslclient')).toMatch(/certificate revoked/);
  expect(verify(bert.certificate, 'sslclient')).toMatch(/: OK/);
  const again = Authority.open(folder);
  expect(again?.list().map(({ name, revokedAt }) => [name, revokedAt !== null])).toEqual([
    ['anna', true],
    ['bert', false],
  ]);
  await expect(again?.revoke('anna')).rejects.toMatchObject({ code: 'config/no-client' });
  await again?.issue('client', 'anna');
  await expect(again?.issue('client', 'anna')).rejects.toMatchObject({ code: 'config/name-taken' });
});

test('keeps keys from other users, and the CRL far from its end', async () => {
  const authority = await Authority.create(folder, 'Test CA');
  expect(statSync(join(folder, 'ca.key')).mode & 0o777).toBe(0o600);
  const crl = readFileSync(authority.crlFile, 'utf8');
  await authority.renewCrl();
  expect(readFileSync(authority.crlFile, 'utf8')).toBe(crl);
  const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'));
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ ...index, crlUntil: new Date().toISOString() }));
  await Authority.open(folder)?.renewCrl();
  expect(readFileSync(authority.crlFile, 'utf8')).not.toBe(crl);
});

test('says that an index is damaged', async () => {
  await Authority.create(folder, 'Test CA');
  writeFileSync(join(folder, 'index.json'), '{"issued": 5');
  expect(() => Authority.open(folder)).toThrow(/index.json is damaged; restore it/);
});
