import { expect, test } from '@jest/globals';
import { TestAuthority } from '../../../../test/support/pki.js';
import { TlsPair } from '../../../../test/support/tls-pair.js';
import type { TlsOptions } from '../messages.js';
import { NodeTlsEngine } from './node-tls-engine.js';
import { ShardTlsEngine } from './tls-engine.js';

test.each([
  ['rsa', false],
  ['ec', true],
] as const)('the first answer with an %s key is computed within feed: %s', async (kind, within) => {
  const ca = await TestAuthority.create('CA', kind);
  const own = await ca.issue('server', { kind, usage: 'server' });
  const options: TlsOptions = {
    ca: ca.cert,
    cert: own.cert,
    key: own.key,
    crl: null,
    minVersion: 'TLSv1.2',
    maxVersion: null,
    cipherList: null,
    cipherSuites: null,
    groups: null,
    remoteCertTls: null,
    clientCertificate: 'require',
  };
  const engine = new ShardTlsEngine({ ...options, engine: 'rustls' }, { now: () => 0, warn: () => {} });
  const client = await ca.issue('client', { kind });
  const peer = new NodeTlsEngine({ ...options, cert: client.cert, key: client.key });
  const answers: boolean[] = [];
  for (let i = 0; i < 4; i++) {
    const hello = peer.open('client', () => {});
    await new Promise((resolve) => setImmediate(resolve));
    const event = hello.poll();
    const session = engine.open('server', () => {});
    if (event?.type === 'ciphertext') session.feed(event.bytes);
    answers.push(session.poll() !== undefined);
    // While it is computed, or with an answer that nobody wants.
    session.destroy();
    hello.destroy();
  }
  expect(answers).toEqual(Array(4).fill(within));
  for (const cut of [1, 100, 10_000]) {
    const pair = new TlsPair(engine, peer, cut);
    await pair.established();
    pair.client.session.send(Uint8Array.of(1, 2));
    await pair.until(() => pair.server.plaintexts.length === 1);
    pair.destroy();
  }
});
