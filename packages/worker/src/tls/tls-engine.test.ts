import { createHash } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { TlsEvent } from '@shardvpn/core';
import { inDays, type LeafOptions, TestAuthority, type TestCertificate } from '../../../../test/support/pki.js';
import { TlsPair } from '../../../../test/support/tls-pair.js';
import type { TlsOptions } from '../messages.js';
import { CertificateAuthorities } from './certificate-chain.js';
import { NodeTlsEngine } from './node-tls-engine.js';
import { ShardTlsEngine } from './tls-engine.js';

let ca: TestAuthority;
let server: TestCertificate;
let client: TestCertificate;
let under: 'openssl' | 'rustls';

beforeAll(async () => {
  ca = await TestAuthority.create();
  server = await ca.issue('server', { usage: 'server' });
  client = await ca.issue('client');
});

describe.each(['openssl', 'rustls'] as const)('%s', (name) => {
  beforeAll(() => {
    under = name;
  });

  describe('handshake', () => {
    test('a session whose peer has gone exports nothing, and does not throw before the failure is polled', async () => {
      const pair = new TlsPair(engine(), peer({}, client));
      await pair.established();
      expect(() =>
        engine()
          .open('server', () => undefined)
          .exportKeyingMaterial('x', 1),
      ).toThrow(/established/);
      pair.server.session.feed(new Uint8Array(100));
      await new Promise((resolve) => process.nextTick(resolve));
      expect(pair.server.session.exportKeyingMaterial('EXPORTER-OpenVPN-datakeys', 256)).toBeNull();
      await pair.until(() => pair.server.failed !== undefined);
      pair.destroy();
    });

    test.each(['TLSv1.2', 'TLSv1.3'] as const)(
      '%s: both sides establish, name each other and export the same keys',
      async (version) => {
        const pair = new TlsPair(engine({ minVersion: version, maxVersion: version }), peer({}, client));
        await pair.established();
        expect(pair.server.established).toMatchObject({ version, certificate: { commonName: 'client' } });
        expect(pair.client.established).toMatchObject({ version, certificate: { commonName: 'server' } });
        const label = 'EXPORTER-OpenVPN-datakeys';
        const keys = pair.server.session.exportKeyingMaterial(label, 256);
        expect(keys).toHaveLength(256);
        expect(pair.client.session.exportKeyingMaterial(label, 256)).toEqual(keys);
        expect(pair.server.session.exportKeyingMaterial('EXPORTER-OpenVPN-dynamic-tls-crypt', 256)).not.toEqual(keys);
        pair.destroy();
      },
    );

    test('works with RSA certificates under TLS 1.2 and 1.3', async () => {
      const authority = await TestAuthority.create('RSA CA', 'rsa');
      const own = await authority.issue('server', { kind: 'rsa', usage: 'server' });
      const other = await authority.issue('client', { kind: 'rsa' });
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        const limits = { ca: authority.cert, maxVersion: version };
        const pair = new TlsPair(engine(limits, own), peer({ ca: authority.cert }, other));
        await pair.established();
        expect(pair.server.established?.version).toBe(version);
        pair.destroy();
      }
    });

    test('reads a certificate that has verified once, and every other one each time', async () => {
      const reads = jest.spyOn(CertificateAuthorities.prototype, 'chainOf');
      const expired = await ca.issue('client', { notBefore: inDays(-2), notAfter: inDays(-1) });
      const end = engine();
      const shown: unknown[] = [];
      const readsOf = async (own: TestCertificate): Promise<number> => {
        const before = reads.mock.calls.length;
        const pair = new TlsPair(end, peer({}, own));
        await pair.until(() => (pair.server.established ?? pair.server.failed) !== undefined);
        await pair.until(() => (pair.client.established ?? pair.client.failed) !== undefined);
        shown.push(pair.server.established?.certificate);
        pair.destroy();
        // The client has read the server's.
        return reads.mock.calls.length - before - 1;
      };
      expect([await readsOf(client), await readsOf(client)]).toEqual([1, 0]);
      expect(shown[1]).toEqual(shown[0]);
      expect(await readsOf(await ca.issue('client'))).toBe(1);
      // rustls refuses it before anybody reads it.
      const again = name === 'openssl' ? 1 : 0;
      expect([await readsOf(expired), await readsOf(expired)]).toEqual([again, again]);
      expect(shown.slice(3)).toEqual([undefined, undefined]);
      reads.mockRestore();
    });

    test('describes the certificate', async () => {
      const pair = new TlsPair(engine(), peer({}, client));
      await pair.established();
      const root = createHash('sha256').update(derOf(ca.cert)).digest('hex');
      const leaf = createHash('sha256').update(derOf(client.cert)).digest('hex');
      expect(pair.server.established?.certificate).toEqual({
        commonName: 'client',
        subject: 'C=DE, O=ShardVPN Test, CN=client',
        serial: client.parsed.serialNumber.toUpperCase(),
        chainHashes: [leaf, root],
        notAfter: client.parsed.notAfter.getTime() / 1000,
      });
      pair.destroy();
    });

    test('takes cipher, suite and group limits', async () => {
      const tls12 = engine({ maxVersion: 'TLSv1.2', cipherList: 'ECDHE-ECDSA-AES128-GCM-SHA256' });
      const tls13 = engine({ cipherSuites: 'TLS_CHACHA20_POLY1305_SHA256', groups: 'secp384r1' });
      for (const [limited, cipher] of [
        [tls12, 'ECDHE-ECDSA-AES128-GCM-SHA256'],
        [tls13, 'TLS_CHACHA20_POLY1305_SHA256'],
      ] as const) {
        const pair = new TlsPair(limited, peer({}, client));
        await pair.established();
        expect(pair.server.established?.cipher).toBe(cipher);
        pair.destroy();
      }
    });

    test.each([
      ['none', false, null],
      ['optional', false, null],
      ['optional', true, 'client'],
      ['none', true, null],
    ] as const)('verify-client-cert %s, certificate shown: %s', async (clientCertificate, shown, name) => {
      const pair = new TlsPair(engine({ clientCertificate }), peer({}, shown ? client : null));
      await pair.established();
      expect(pair.server.established?.certificate?.commonName ?? null).toBe(name);
      pair.destroy();
    });

    test('the last common name counts, and control characters do not reach the log', async () => {
      const odd = await ca.issue('', { subject: 'CN=first, CN=a\tb\u009bc' });
      const pair = new TlsPair(engine(), peer({}, odd));
      await pair.established();
      expect(pair.server.established?.certificate?.commonName).toBe('a_b_c');
      pair.destroy();
    });
  });

  describe('records', () => {
    test.each(['TLSv1.2', 'TLSv1.3'] as const)(
      '%s: each send arrives as one plaintext, however the bytes were cut',
      async (maxVersion) => {
        const pair = new TlsPair(engine({ maxVersion }), peer({}, client), 7);
        await pair.established();
        const sent = Array.from({ length: 20 }, (_, i) => new Uint8Array(i % 3 === 0 ? 1024 : 1 + i).fill(i));
        for (const bytes of sent) pair.server.session.send(bytes);
        for (const bytes of sent) pair.client.session.send(bytes);
        await pair.until(() => pair.client.plaintexts.length + pair.server.plaintexts.length >= 40);
        expect(pair.client.plaintexts).toEqual(sent);
        expect(pair.server.plaintexts).toEqual(sent);
        pair.destroy();
      },
    );

    test('what a client sends right behind its Finished is not lost', async () => {
      const pair = new TlsPair(engine(), peer({}, client));
      await pair.until(() => pair.client.established !== undefined);
      pair.client.session.send(Uint8Array.of(1));
      pair.client.session.send(Uint8Array.of(2, 2));
      await pair.until(() => pair.server.plaintexts.length === 2);
      expect(pair.server.plaintexts.map((bytes) => bytes.length)).toEqual([1, 2]);
      pair.destroy();
    });
  });

  describe('refusals', () => {
    const refused: [string, () => Promise<{ shown: TestCertificate | null; limits?: Partial<TlsOptions> }>, RegExp][] =
      [
        [
          'revoked',
          async () => ({ shown: client, limits: { crl: await ca.revoke(client) } }),
          /certificate has been revoked/,
        ],
        [
          'expired',
          async () => ({ shown: await leaf({ notBefore: inDays(-5), notAfter: inDays(-1) }) }),
          /certificate has expired/,
        ],
        ['not yet valid', async () => ({ shown: await leaf({ notBefore: inDays(1) }) }), /not yet valid/],
        [
          'foreign',
          async () => ({ shown: await (await TestAuthority.create('Other')).issue('x') }),
          /unable to get local issuer|unable to verify the first/,
        ],
        [
          'same name, other key',
          async () => ({ shown: await (await TestAuthority.create()).issue('x') }),
          /certificate|signature/,
        ],
        ['a server certificate', async () => ({ shown: await leaf({ usage: 'server' }) }), /purpose/],
        [
          'no extended key usage',
          async () => ({ shown: await leaf({ usage: null }), limits: { remoteCertTls: 'client' } }),
          /extended key usage/,
        ],
        [
          'no key usage',
          async () => ({ shown: await leaf({ keyUsage: false }), limits: { remoteCertTls: 'client' } }),
          /no key usage/,
        ],
        [
          'a key usage that allows no signing',
          async () => ({ shown: await leaf({ keyUsage: KEY_ENCIPHERMENT }) }),
          /purpose/,
        ],
        [
          'its root expired',
          async () => {
            const old = await TestAuthority.create('Old', 'ec', inDays(-1));
            return { shown: await old.issue('x'), limits: { ca: old.cert } };
          },
          /certificate has expired/,
        ],
        [
          'an intermediate without a CRL',
          async () => {
            const intermediate = await ca.createIntermediate('Between');
            return {
              shown: await intermediate.issue('x'),
              limits: { ca: ca.cert + intermediate.cert, crl: await ca.revoke(client) },
            };
          },
          /CRL of every CA/,
        ],
        [
          'an intermediate below one that allows none',
          async () => {
            const intermediate = await ca.createIntermediate('Between');
            const below = await intermediate.createIntermediate('Below');
            return { shown: await below.issue('x'), limits: { ca: ca.cert + intermediate.cert + below.cert } };
          },
          /path length/,
        ],
        ['none', async () => ({ shown: null }), /the client sent no certificate/],
        [
          'optional but bad',
          async () => ({
            shown: await leaf({ notBefore: inDays(-5), notAfter: inDays(-1) }),
            limits: { clientCertificate: 'optional' },
          }),
          /expired/,
        ],
      ];
    test.each(refused)('client certificate: %s', async (_, make, reason) => {
      const { shown, limits } = await make();
      const pair = new TlsPair(engine(limits), peer({}, shown));
      await pair.until(() => pair.server.failed !== undefined);
      expect(pair.server.failed).toMatch(reason);
      expect(pair.server.established).toBeUndefined();
      expect(pair.server.session.exportKeyingMaterial('EXPORTER-OpenVPN-datakeys', 256)).toBeNull();
      // OpenSSL's close_notify or rustls's alert goes out before the failure is told, so the client need not wait for its timer.
      await pair.until(() => pair.client.failed !== undefined);
      expect(pair.client.failed).toMatch(/closed|alert/);
      pair.destroy();
    });

    test.each(['in ca', 'sent along'])(
      'a certificate of an intermediate, which is %s, has a chain of three',
      async (where) => {
        const intermediate = await ca.createIntermediate('Between');
        const own = await intermediate.issue('deep');
        const inCa = where === 'in ca';
        const pair = new TlsPair(
          engine({ ca: inCa ? ca.cert + intermediate.cert : ca.cert }),
          peer({}, inCa ? own : { ...own, cert: own.cert + intermediate.cert }),
        );
        await pair.established();
        expect(pair.server.established?.certificate).toMatchObject({
          commonName: 'deep',
          chainHashes: [own.cert, intermediate.cert, ca.cert].map((pem) =>
            createHash('sha256').update(derOf(pem)).digest('hex'),
          ),
        });
        pair.destroy();
      },
    );

    test('of two roots with one name and key the valid one counts', async () => {
      const old = await TestAuthority.create('Root', 'ec', inDays(-1));
      const renewed = await old.renew();
      const own = await old.issue('x');
      for (const roots of [old.cert + renewed.cert, renewed.cert + old.cert]) {
        const pair = new TlsPair(engine({ ca: roots }), peer({}, own));
        await pair.established();
        pair.destroy();
      }
    });

    test('the intermediates of a server that are in ca are sent along', async () => {
      const intermediate = await ca.createIntermediate('Between');
      const own = await intermediate.issue('deep', { usage: 'server' });
      const pair = new TlsPair(engine({ ca: intermediate.cert + ca.cert }, own), peer({}, client));
      await pair.established();
      pair.destroy();
    });

    test('a certificate with key usages passes remote-cert-tls', async () => {
      const pair = new TlsPair(engine({ remoteCertTls: 'client' }), peer({ remoteCertTls: 'server' }, client));
      await pair.established();
      pair.destroy();
    });

    test('a client refuses a server with a client certificate', async () => {
      const pair = new TlsPair(engine({}, await leaf({ usage: 'client' })), peer({ remoteCertTls: 'server' }, client));
      await pair.until(() => pair.client.failed !== undefined);
      expect(pair.client.failed).toMatch(/purpose|extended key usage/);
      pair.destroy();
    });

    test('a CRL set later counts from the next handshake on, and a broken one changes nothing', async () => {
      const own = engine();
      const before = new TlsPair(own, peer({}, client));
      await before.established();
      own.setCrl(await ca.revoke(client));
      expect(() => own.setCrl('nonsense')).toThrow();
      const after = new TlsPair(own, peer({}, client));
      await after.until(() => after.server.failed !== undefined);
      expect(after.server.failed).toMatch(/revoked/);
      before.server.session.send(Uint8Array.of(7));
      await before.until(() => before.client.plaintexts.length === 1);
      for (const pair of [before, after]) pair.destroy();
    });

    test('another certificate counts from the next handshake on, and one that cannot be used changes nothing', async () => {
      const own = engine();
      const before = new TlsPair(own, peer({}, client));
      await before.established();
      const half = new TlsPair(own, peer({}, client));
      const next = await ca.issue('next', { usage: 'server' });
      own.use(options({ engine: under }, next));
      expect(() => own.use(options({ engine: under, key: server.key }, next))).toThrow();
      const after = new TlsPair(own, peer({}, client));
      await after.established();
      expect(after.client.established).toMatchObject({ certificate: { commonName: 'next' } });
      await half.established();
      expect(half.client.established).toMatchObject({ certificate: { commonName: 'server' } });
      before.server.session.send(Uint8Array.of(7));
      await before.until(() => before.client.plaintexts.length === 1);
      for (const pair of [before, half, after]) pair.destroy();
    });

    test('no shared version: the alert goes out before the failure', async () => {
      const pair = new TlsPair(engine({ minVersion: 'TLSv1.3' }), peer({ maxVersion: 'TLSv1.2' }, client));
      await pair.until(() => pair.server.failed !== undefined && pair.client.failed !== undefined);
      expect(pair.server.failed).toMatch(/unsupported protocol|version/);
      expect(pair.client.failed).toMatch(/alert/);
      expect(pair.server.order.at(-1)).toBe('failed');
      expect(pair.server.order).toContain('ciphertext');
      pair.destroy();
    });

    test('no shared cipher is named', async () => {
      const pair = new TlsPair(
        engine({ maxVersion: 'TLSv1.2', cipherList: 'ECDHE-ECDSA-AES128-GCM-SHA256' }),
        peer({ maxVersion: 'TLSv1.2', cipherList: 'ECDHE-ECDSA-AES256-GCM-SHA384' }, client),
      );
      await pair.until(() => pair.server.failed !== undefined);
      expect(pair.server.failed).toBe('no shared cipher');
      pair.destroy();
    });

    test('bytes that are no TLS fail the session once', async () => {
      const session = engine().open('server', () => undefined);
      session.feed(new Uint8Array(300).fill(0x41));
      const events: TlsEvent[] = [];
      for (let more = 20; more > 0; more -= Number(events.some(({ type }) => type === 'failed'))) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        for (let event = session.poll(); event !== undefined; event = session.poll()) events.push(event);
      }
      expect(events.filter(({ type }) => type === 'failed')).toHaveLength(1);
      session.feed(new Uint8Array(300));
      session.destroy();
      session.destroy();
      expect(session.poll()).toBeUndefined();
    });
  });

  describe('lifetime', () => {
    test('progress is told outside of the calls of a session, and not after destroy', async () => {
      const own = engine();
      let inside = false;
      const told: string[] = [];
      const open = (which: string) => own.open('server', () => void told.push(inside ? `${which}, inside` : which));
      const [session, hasty] = [open('session'), open('hasty')];
      const other = peer({}, client).open('client', () => undefined);
      let hello: TlsEvent | undefined;
      while (hello === undefined) {
        await new Promise((resolve) => setImmediate(resolve));
        hello = other.poll();
      }
      if (hello.type !== 'ciphertext') throw new Error(hello.type);
      inside = true;
      hasty.feed(hello.bytes);
      hasty.destroy();
      session.feed(hello.bytes);
      inside = false;
      while (told.length === 0) await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setTimeout(resolve, 10));
      expect(new Set(told)).toEqual(new Set(['session']));
      session.destroy();
      other.destroy();
    });

    test('500 handshakes, ended in every way, leave neither handles nor memory behind', async () => {
      const own = engine();
      const known = peer({}, client);
      const bare = peer({}, null);
      const resources = process.getActiveResourcesInfo().length;
      const refs: WeakRef<object>[] = [];
      const round = async (i: number): Promise<void> => {
        const pair = new TlsPair(own, i % 5 === 0 ? bare : known);
        if (i % 5 === 0) await pair.until(() => pair.server.failed !== undefined);
        else if (i % 5 === 1) await pair.until(() => pair.server.order.length > 0);
        else await pair.established();
        refs.push(new WeakRef(pair.server.session), new WeakRef(pair.client.session));
        pair.destroy();
      };
      for (let i = 0; i < 100; i++) await round(i);
      await collectGarbage();
      const before = process.memoryUsage();
      for (let i = 0; i < 400; i++) await round(i);
      await collectGarbage();
      const after = process.memoryUsage();
      expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(resources + 1);
      // A leaked TLS socket is 50 KiB at least: 400 of them 20 MB.
      expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(6e6);
      expect(refs.filter((ref) => ref.deref() !== undefined).length).toBeLessThan(20);
    });
  });
});

/** The engine that is tested; its peers are Node's. */
function engine(limits: Partial<TlsOptions> = {}, own: TestCertificate | null = server): ShardTlsEngine {
  return new ShardTlsEngine(options({ engine: under, ...limits }, own), {
    now: () => performance.now(),
    warn: (message) => {
      throw new Error(message);
    },
  });
}

const peer = (limits: Partial<TlsOptions>, own: TestCertificate | null): NodeTlsEngine =>
  new NodeTlsEngine(options(limits, own));

function options(limits: Partial<TlsOptions>, own: TestCertificate | null): TlsOptions {
  return {
    ca: ca.cert,
    cert: own?.cert ?? '',
    key: own?.key ?? '',
    crl: null,
    minVersion: 'TLSv1.2',
    maxVersion: null,
    cipherList: null,
    cipherSuites: null,
    groups: null,
    remoteCertTls: null,
    clientCertificate: 'require',
    ...limits,
  };
}

const leaf = (options: LeafOptions): Promise<TestCertificate> => ca.issue('odd', options);

/** Of x509.KeyUsageFlags. */
const KEY_ENCIPHERMENT = 4;

const derOf = (pem: string): Buffer => Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');

async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  for (let i = 0; i < 5; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    gc();
  }
}
