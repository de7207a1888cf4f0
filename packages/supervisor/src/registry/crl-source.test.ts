import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { TlsOptions } from '@shardvpn/worker';
import type { Log } from '../log.js';
import { followCrl } from './crl-source.js';
import type { RevocationList } from './revocation.js';

const until = async (condition: () => boolean): Promise<void> => {
  for (const end = performance.now() + 60_000; !condition() && performance.now() < end; )
    await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
};

describe('CRL file', () => {
  let folder: string;
  let crlFile: string;
  let taken: (RevocationList | string)[];
  let lines: string[];
  let end: () => void;

  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  const issue = (): string => {
    openssl('ca', '-config', 'ca.cnf', '-gencrl', '-keyfile', 'ca.key', '-cert', 'ca.crt', '-out', 'next.pem');
    return readFileSync(join(folder, 'next.pem'), 'utf8');
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'crl-source-'));
    crlFile = join(folder, 'crl.pem');
    openssl('ecparam', '-genkey', '-name', 'prime256v1', '-out', 'ca.key');
    openssl('req', '-x509', '-new', '-key', 'ca.key', '-subj', '/CN=ca', '-days', '30', '-out', 'ca.crt');
    writeFileSync(
      join(folder, 'ca.cnf'),
      '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=30\n',
    );
    writeFileSync(join(folder, 'index.txt'), '');
    const crl = issue();
    writeFileSync(crlFile, crl);
    [taken, lines] = [[], []];
    const write = (line: string): void => void lines.push(line);
    const log: Log = { error: write, warn: write, info: write, debug: write };
    const tls = { ca: readFileSync(join(folder, 'ca.crt'), 'utf8'), crl } as TlsOptions;
    end = followCrl(
      { crlFile, tls },
      { setCrl: (text) => taken.push(text), setRevocation: (list) => taken.push(list) },
      log,
      20,
    );
  });
  afterEach(() => {
    end();
    rmSync(folder, { recursive: true });
  });

  test('a list that replaces the file is taken into use, by the shards first', async () => {
    writeFileSync(join(folder, 'index.txt'), 'R\t351122000000Z\t251122000000Z\tAB\tunknown\t/CN=x\n');
    const next = issue();
    renameSync(join(folder, 'next.pem'), crlFile);
    await until(() => taken.length === 2);
    expect(taken[0]).toBe(next);
    expect((taken[1] as RevocationList).revokes({ serial: 'AB', chainHashes: [] })).toBe(false);
    expect(lines).toEqual([expect.stringContaining('taken into use')]);
  });

  test('a broken or missing list is logged and changes nothing', async () => {
    writeFileSync(crlFile, 'broken');
    await until(() => lines.length === 1);
    expect(lines[0]).toContain('the one before stays in use');
    rmSync(crlFile);
    await until(() => lines.length === 2);
    expect(lines[1]).toContain('ENOENT');
    expect(taken).toEqual([]);
  });

  test('the list that the server started with is not taken a second time', async () => {
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect([...taken, ...lines]).toEqual([]);
  });
});
