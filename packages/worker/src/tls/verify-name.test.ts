import { expect, test } from '@jest/globals';
import { nameFault } from './verify-name.js';

const SHOWN = { commonName: 'vpn1.test', subject: 'O=Test, CN=vpn1.test', serial: '1', chainHashes: [], notAfter: 0 };

test.each([
  ['name', 'vpn1.test', true],
  ['name', 'vpn1', false],
  ['name-prefix', 'vpn', true],
  ['name-prefix', 'pn1', false],
  ['subject', 'O=Test, CN=vpn1.test', true],
  ['subject', 'CN=vpn1.test', false],
] as const)('verify-x509-name %s %s', (type, value, fits) => {
  expect(nameFault(SHOWN, { type, value }) === null).toBe(fits);
  expect(nameFault(SHOWN, null)).toBeNull();
});
