import { constants } from 'node:crypto';
import { DEFAULT_CIPHERS, type SecureContextOptions } from 'node:tls';
import type { TlsOptions } from '../messages.js';

/** What Node builds a secure context from; the same for both roles. */
export function secureContextOptions(options: TlsOptions): SecureContextOptions {
  return {
    // An absent list would make Node trust the public web's certificate authorities.
    ca: options.ca === '' ? [] : options.ca,
    minVersion: options.minVersion,
    ciphers: cipherText(options.cipherSuites, options.cipherList),
    // No resumption [wire 2]: a ticket costs the server 0.8 ms a handshake and nobody ever redeems it.
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
    ...(options.cert === '' ? {} : { cert: options.cert, key: options.key }),
    ...(options.crl === null ? {} : { crl: options.crl }),
    ...(options.maxVersion === null ? {} : { maxVersion: options.maxVersion }),
    ...(options.groups === null ? {} : { ecdhCurve: options.groups }),
  };
}

/** Node takes both lists in one text, and a text without TLS 1.3 suites would switch that version off. */
function cipherText(suites: string | null, list: string | null): string {
  const defaults = DEFAULT_CIPHERS.split(':');
  const tls13 = suites ?? defaults.filter((name) => name.startsWith('TLS_')).join(':');
  const tls12 = list ?? defaults.filter((name) => !name.startsWith('TLS_')).join(':');
  return `${tls13}:${tls12}`;
}
