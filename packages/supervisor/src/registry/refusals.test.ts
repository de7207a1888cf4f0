import { describe, expect, test } from '@jest/globals';
import type { EndReason } from '@shardvpn/core';
import { type Refusal, Refusals } from './refusals.js';

/** What both TLS engines, the core and the registry say. */
const TEXTS: readonly (readonly [EndReason, string, Refusal])[] = [
  ['tls-failed', 'certificate has been revoked', 'certificate-revoked'],
  ['auth-failed', 'certificate has been revoked', 'certificate-revoked'],
  ['tls-failed', 'certificate has expired', 'certificate-expired'],
  ['tls-failed', 'certificate is not yet valid (check the clocks)', 'certificate-not-yet-valid'],
  ['tls-failed', 'CRL has expired: issue a new one', 'revocation-list'],
  ['tls-failed', 'peer did not return a certificate', 'certificate-missing'],
  ['tls-failed', 'the client sent no certificate', 'certificate-missing'],
  ['tls-failed', 'unsuitable certificate purpose (extended key usage)', 'certificate-purpose'],
  ['tls-failed', 'unable to get local issuer certificate: not issued by a CA of the ca file', 'unknown-ca'],
  ['tls-failed', "the client sent the TLS alert 'unknown ca'", 'unknown-ca'],
  ['tls-failed', 'unsupported protocol version', 'tls-version'],
  ['tls-failed', 'no shared cipher', 'tls-cipher'],
  ['tls-failed', 'no suitable key share', 'tls-cipher'],
  ['tls-failed', 'something new', 'tls-other'],
  ['auth-failed', 'no shared data cipher: the client offers BF-CBC, the server AES-256-GCM', 'data-cipher'],
  ['auth-failed', 'username or password is too long', 'credentials'],
  ['auth-failed', 'login: refuse: your password has expired', 'login'],
  ['auth-failed', 'nobody has decided about the login in time', 'login-undecided'],
  ['auth-failed', 'no free address in the pool (ifconfig-pool)', 'no-free-address'],
  ['auth-failed', 'too many clients (max-clients)', 'max-clients'],
  ['handshake-timeout', 'the TLS handshake did not complete within hand-window', 'handshake-timeout'],
  ['auth-failed', 'bad luck', 'other'],
];

describe('refused clients', () => {
  test.each(TEXTS)('%s: %s', (reason, detail, refusal) => {
    const refusals = new Refusals(() => 0);
    refusals.count({ host: '192.0.2.1', reason, detail });
    expect(Object.entries(refusals.counts).filter(([, count]) => count > 0)).toEqual([[refusal, 1]]);
  });

  test('one line for each address and reason a minute', () => {
    let now = 0;
    const refusals = new Refusals(() => now);
    const tells = (host: string, detail: string): boolean => refusals.mayTell({ host, reason: 'tls-failed', detail });
    expect(tells('192.0.2.1', 'no shared cipher')).toBe(true);
    expect(tells('192.0.2.1', 'no shared cipher')).toBe(false);
    expect(tells('192.0.2.1', 'certificate has expired')).toBe(true);
    expect(tells('192.0.2.2', 'no shared cipher')).toBe(true);
    now = 60_000;
    expect(tells('192.0.2.1', 'no shared cipher')).toBe(true);
  });

  test('several shards tell of one address', () => {
    const refusals = new Refusals(() => 0);
    const told = [0, 1].map(() => refusals.mayTellOfDrop('192.0.2.1', 'bad-hmac'));
    expect(told).toEqual([true, false]);
  });

  test('a hundred lines a minute and no more', () => {
    const refusals = new Refusals(() => 0);
    const told = Array.from({ length: 500 }, (_, n) =>
      refusals.mayTell({ host: `198.18.0.${n}`, reason: 'tls-failed', detail: 'no shared cipher' }),
    );
    expect(told.filter(Boolean)).toHaveLength(100);
  });
});
