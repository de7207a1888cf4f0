import { beforeAll, describe, expect, test } from '@jest/globals';
import { TestAuthority, type TestCertificate } from '../../../../test/support/pki.js';
import { TlsPair } from '../../../../test/support/tls-pair.js';
import type { TlsOptions } from '../messages.js';
import { chooseEngine } from './choose-engine.js';
import { NodeTlsEngine } from './node-tls-engine.js';
import { ShardTlsEngine } from './tls-engine.js';

let ca: TestAuthority;
let server: TestCertificate;
let client: TestCertificate;

beforeAll(async () => {
  ca = await TestAuthority.create();
  server = await ca.issue('server', { usage: 'server' });
  client = await ca.issue('client');
});

describe('the choice', () => {
  test('auto is rustls, and OpenSSL where rustls cannot', () => {
    const cases: [Partial<TlsOptions>, RegExp | null][] = [
      [{}, null],
      [{ minVersion: 'TLSv1.3' }, null],
      [{ cipherList: 'DHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384' }, null],
      [{ groups: 'X25519:X448' }, null],
      [{ rustlsGroups: 'X25519MLKEM768', groups: 'X25519' }, null],
      [{ cipherList: 'DEFAULT:@SECLEVEL=0' }, /tls-cipher has the rule 'DEFAULT'/],
      [{ cipherList: 'ECDHE-RSA-AES256-GCM-SHA384:!aNULL' }, /rule '!aNULL'/],
      [{ cipherList: 'DHE-RSA-AES256-GCM-SHA384' }, /no cipher of tls-cipher/],
      [{ cipherSuites: 'TLS_AES_128_CCM_SHA256' }, /no suite of tls-ciphersuites/],
      [{ groups: 'X448' }, /no group of tls-groups/],
      [{ ca: client.cert }, /not marked as an authority/],
      [{ ca: ca.cert.replaceAll(' CERT', ' TRUSTED CERT') }, /trust settings/],
      [{ crl: 'nonsense' }, /no CRL/],
    ];
    for (const [change, reason] of cases) {
      const choice = chooseEngine(options({ engine: 'auto', ...change }));
      expect([change, choice.engine]).toEqual([change, reason === null ? 'rustls' : 'openssl']);
      if (choice.engine === 'openssl') expect(choice.reason).toMatch(reason ?? /never/);
    }
  });

  test('openssl is as asked for, and rustls is not given up silently', () => {
    expect(chooseEngine(options({})).engine).toBe('openssl');
    expect(chooseEngine(options({ engine: 'openssl' })).engine).toBe('openssl');
    expect(() => chooseEngine(options({ engine: 'rustls', groups: 'X448' }))).toThrow(/tls-engine rustls: no group/);
  });
});

describe('auto', () => {
  const warnings: string[] = [];
  let now = 0;
  const auto = (limits: Partial<TlsOptions> = {}): ShardTlsEngine =>
    new ShardTlsEngine(options({ engine: 'auto', ...limits }), {
      now: () => now,
      warn: (message) => warnings.push(message),
    });

  test.each([
    ['a cipher', { maxVersion: 'TLSv1.2', cipherList: 'ECDHE-ECDSA-AES128-SHA256' }, 'no shared cipher'],
    ['a group', { groups: 'secp521r1' }, 'no suitable key share'],
  ] as const)(
    'a client that has only %s of OpenSSL is served by it, and not by rustls alone',
    async (_, limits, reason) => {
      for (const cut of [1, 1200]) {
        const pair = new TlsPair(auto(), peer(client, limits), cut);
        await pair.established();
        pair.client.session.send(Uint8Array.of(1));
        await pair.until(() => pair.server.plaintexts.length === 1);
        expect(pair.server.session.exportKeyingMaterial('x', 8)).toEqual(
          pair.client.session.exportKeyingMaterial('x', 8),
        );
        pair.destroy();
      }
      const alone = new TlsPair(auto({ engine: 'rustls' }), peer(client, limits));
      await alone.until(() => alone.server.failed !== undefined && alone.client.failed !== undefined);
      expect([alone.server.failed, alone.server.order.at(0)]).toEqual([reason, 'ciphertext']);
      alone.destroy();
    },
  );

  test('a certificate that only OpenSSL can judge meets it at the next attempt, for an hour', async () => {
    const odd = await ca.issue('odd', { authority: true });
    const engine = auto();
    const attempt = async (shown: TestCertificate): Promise<string | undefined> => {
      const pair = new TlsPair(engine, peer(shown));
      await pair.until(() => (pair.server.established ?? pair.server.failed) !== undefined);
      pair.destroy();
      return pair.server.failed;
    };
    expect(await attempt(client)).toBeUndefined();
    expect(await attempt(odd)).toMatch(/webpki/);
    expect(await attempt(odd)).toBeUndefined();
    expect(await attempt(client)).toBeUndefined();
    expect(warnings).toEqual([expect.stringMatching(/left to OpenSSL/)]);
    now += 3_600_001;
    expect(await attempt(client)).toBeUndefined();
    expect(await attempt(odd)).toMatch(/webpki/);
    expect(await attempt(await (await TestAuthority.create('Other')).issue('x'))).toMatch(/not issued by a CA/);
  });

  test('a CRL may change the engine', async () => {
    const engine = auto();
    engine.setCrl((await ca.revoke(client)) + (await ca.revoke()));
    const pair = new TlsPair(engine, peer(client));
    await pair.until(() => pair.server.failed !== undefined);
    expect(pair.server.failed).toMatch(/revoked/);
    pair.destroy();
    expect(warnings.at(-1)).toMatch(/by OpenSSL from now on: there are several CRLs/);
  });
});

const peer = (own: TestCertificate, limits: Partial<TlsOptions> = {}): NodeTlsEngine =>
  new NodeTlsEngine(options({ cert: own.cert, key: own.key, ...limits }));

const options = (change: Partial<TlsOptions>): TlsOptions => ({
  ca: ca.cert,
  cert: server.cert,
  key: server.key,
  crl: null,
  minVersion: 'TLSv1.2',
  maxVersion: null,
  cipherList: null,
  cipherSuites: null,
  groups: null,
  remoteCertTls: null,
  clientCertificate: 'require',
  ...change,
});
