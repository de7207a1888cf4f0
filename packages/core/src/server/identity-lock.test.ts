import { describe, expect, test } from '@jest/globals';
import { lockOf, lockViolation, sameIdentity } from './identity-lock.js';
import type { ClientIdentity } from './server-event.js';

const identity = (
  commonName: string,
  username: string | null,
  chainHashes: readonly string[] | null,
): ClientIdentity => ({
  commonName,
  username,
  certificate: chainHashes && {
    commonName,
    subject: `CN=${commonName}`,
    serial: '01',
    chainHashes,
    notAfter: 2_000_000_000,
  },
  path: { listener: 0, host: '192.0.2.7', port: 1194 },
  peerInfo: new Map(),
});

const ann = identity('ann', 'ann', ['leaf', 'ca']);

describe('a client stays who it is', () => {
  test('by name, user name and each certificate of its chain', () => {
    const fault = (other: ClientIdentity) => lockViolation(lockOf(ann), other);
    expect(fault(identity('ann', 'ann', ['leaf', 'ca']))).toBe(null);
    expect(fault(identity('eve', 'ann', ['leaf', 'ca']))).toContain("from 'ann' to 'eve'");
    expect(fault(identity('ann', 'eve', ['leaf', 'ca']))).toContain('username');
    expect(fault(identity('ann', null, ['leaf', 'ca']))).toContain('username');
    for (const chain of [['other', 'ca'], ['leaf', 'other'], ['leaf'], ['leaf', 'ca', 'more'], null])
      expect(fault(identity('ann', 'ann', chain))).toBe('the certificate changed');
  });

  test('and nobody is the same as another one without a certificate or a user name', () => {
    const same = (a: ClientIdentity, b: ClientIdentity) => sameIdentity(lockOf(a), lockOf(b));
    expect(same(ann, ann)).toBe(true);
    expect(same(ann, identity('ann', 'ann', ['other', 'ca']))).toBe(false);
    expect(same(ann, identity('ann', 'eve', ['leaf', 'ca']))).toBe(false);
    expect(same(identity('', null, null), identity('', null, null))).toBe(false);
    expect(same(identity('ann', 'ann', null), identity('ann', 'ann', null))).toBe(true);
    expect(same(identity('ann', null, ['leaf']), identity('ann', null, ['leaf']))).toBe(true);
  });
});
