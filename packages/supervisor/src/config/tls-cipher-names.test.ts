import { getCiphers } from 'node:tls';
import { expect, test } from '@jest/globals';
import { opensslCipherList } from './tls-cipher-names.js';

test.each([
  'TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256',
  'TLS-ECDHE-RSA-WITH-AES-256-GCM-SHA384',
  'TLS-ECDHE-ECDSA-WITH-CHACHA20-POLY1305-SHA256',
  'TLS-DHE-RSA-WITH-AES-256-GCM-SHA384',
  'TLS-DHE-RSA-WITH-AES-256-CBC-SHA256',
  'TLS-DHE-RSA-WITH-AES-128-CBC-SHA',
  'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256',
  'TLS-RSA-WITH-AES-128-GCM-SHA256',
  'TLS-RSA-WITH-AES-256-CBC-SHA',
])('%s is known to OpenSSL', (name) => {
  expect(getCiphers()).toContain(opensslCipherList(name).toLowerCase());
});

test('keeps what is in the form of OpenSSL already', () => {
  expect(opensslCipherList('ECDHE-RSA-AES128-GCM-SHA256:!aNULL:HIGH')).toBe('ECDHE-RSA-AES128-GCM-SHA256:!aNULL:HIGH');
});
