import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { makeAuthority, makeCrl } from '../pki/certificates.js';
import { readCrlDates } from './crl-dates.js';

test('reads the dates, before and after 2050', async () => {
  const ca = await makeAuthority('CA', new Date('2060-01-01'));
  for (const next of [new Date('2031-02-03T04:05:06Z'), new Date('2055-02-03T04:05:06Z')]) {
    expect(readCrlDates(await makeCrl(ca, [], next))?.nextUpdate).toEqual(next);
  }
});

test('never throws and never reads past the end', () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void readCrlDates(Buffer.from(bytes).toString('base64'))));
});
