import { createSecureContext } from 'node:tls';
import type { TlsOptions } from '@shardvpn/worker';
import type { Entry } from './read.js';
import type { Settings } from './settings.js';
import { opensslCipherList } from './tls-cipher-names.js';

type TlsPolicy = Omit<TlsOptions, 'ca' | 'cert' | 'key' | 'crl'>;

/** What the `tls-*` directives, `remote-cert-tls` and `verify-client-cert` say about handshakes. */
export const readTlsPolicy = (
  settings: Settings,
  role: 'server' | 'client' = 'server',
  checksUsers = false,
): TlsPolicy => {
  const minVersion = readVersion(settings, settings.last('tls-version-min')) ?? 'TLSv1.2';
  const maxVersion = readVersion(settings, settings.last('tls-version-max'));
  const max = settings.last('tls-version-max');
  if (max !== undefined && maxVersion !== null && maxVersion < minVersion) {
    settings.error(max, `it is below tls-version-min, ${minVersion.slice(4)}; raise it or remove the line`);
  }
  return {
    minVersion,
    maxVersion,
    cipherList: readCipherList(settings),
    cipherSuites: readSuites(settings),
    ...readEngineAndGroups(settings, role),
    remoteCertTls: readRemoteCert(settings, role),
    clientCertificate: readClientCertificate(settings, checksUsers),
  };
};

const readVersion = (settings: Settings, entry: Entry | undefined): 'TLSv1.2' | 'TLSv1.3' | null => {
  const [version, word] = entry?.args ?? [];
  if (entry === undefined || version === undefined) return null;
  if (word !== undefined && word !== 'or-highest')
    settings.error(entry, `'${word}' is not known; the second word can only be or-highest`);
  if (version === '1.3') return 'TLSv1.3';
  if (version === '1.2') return 'TLSv1.2';
  if (entry.name === 'tls-version-min' && (version === '1.0' || version === '1.1')) {
    settings.warning(entry, `TLS ${version} is not offered, the lowest is 1.2; write: tls-version-min 1.2`);
    return 'TLSv1.2';
  }
  if (word === 'or-highest') return 'TLSv1.3';
  settings.error(entry, `TLS '${version}' is not offered; use 1.2 or 1.3`);
  return null;
};

const readCipherList = (settings: Settings): string | null => {
  const entry = settings.last('tls-cipher');
  if (entry === undefined) return null;
  const ciphers = opensslCipherList(entry.args[0] as string);
  return accepted({ ciphers })
    ? ciphers
    : fail(settings, entry, 'none of the ciphers is known; use names as TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384');
};

const SUITES = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_128_CCM_SHA256',
  'TLS_AES_128_CCM_8_SHA256',
];

const readSuites = (settings: Settings): string | null => {
  const entry = settings.last('tls-ciphersuites');
  if (entry === undefined) return null;
  const names = (entry.args[0] as string).split(':').map((name) => name.replaceAll('-', '_'));
  const unknown = names.find((name) => !SUITES.includes(name));
  return unknown === undefined
    ? names.join(':')
    : fail(settings, entry, `'${unknown}' is not a TLS 1.3 cipher suite; use ${SUITES.slice(0, 3).join(', ')}`);
};

/** What rustls has and the OpenSSL of Node may lack, and what both have. */
const RUSTLS_GROUPS = /^(X25519MLKEM768|SecP256r1MLKEM768|X25519|prime256v1|P-256|secp384r1|P-384)$/i;

type Groups = Pick<TlsOptions, 'groups' | 'rustlsGroups' | 'engine'>;

/** `ecdh-curve` is the older form of `tls-groups`, for one curve; the names of both are OpenSSL's. */
const readEngineAndGroups = (settings: Settings, role: 'server' | 'client'): Groups => {
  const engine = role === 'client' ? 'openssl' : readEngine(settings);
  const entry = settings.last('tls-groups') ?? settings.last('ecdh-curve');
  if (entry === undefined) return { engine, groups: null, rustlsGroups: null };
  const groups = (entry.args[0] as string).split(':').map((name) => (name === 'secp256r1' ? 'prime256v1' : name));
  const openssl = groups.filter((ecdhCurve) => accepted({ ecdhCurve }));
  const rustls = engine === 'openssl' ? [] : groups.filter((name) => RUSTLS_GROUPS.test(name));
  for (const name of groups.filter((group) => !openssl.includes(group) && !rustls.includes(group))) {
    settings.warning(entry, `${name} is left out: the TLS library does not know it`);
  }
  const text = (names: readonly string[]): string | null => (names.length > 0 ? names.join(':') : null);
  if (openssl.length > 0) return { engine, groups: text(openssl), rustlsGroups: text(rustls) ?? openssl.join(':') };
  if (rustls.length > 0) return { engine: 'rustls', groups: text(rustls), rustlsGroups: text(rustls) };
  fail(settings, entry, 'no group of the list is known; use for example X25519:prime256v1:secp384r1');
  return { engine, groups: null, rustlsGroups: null };
};

const readEngine = (settings: Settings): 'auto' | 'rustls' | 'openssl' => {
  const entry = settings.last('tls-engine');
  const word = entry?.args[0] ?? 'auto';
  if (word === 'auto' || word === 'rustls' || word === 'openssl') return word;
  if (entry !== undefined) settings.error(entry, `'${word}' is not known; use auto, rustls or openssl`);
  return 'auto';
};

const accepted = (options: Parameters<typeof createSecureContext>[0]): boolean => {
  try {
    createSecureContext(options);
    return true;
  } catch {
    return false;
  }
};

const fail = (settings: Settings, entry: Entry, message: string): null => {
  settings.error(entry, message);
  return null;
};

const readRemoteCert = (settings: Settings, role: 'server' | 'client'): TlsOptions['remoteCertTls'] => {
  const entry = settings.last('remote-cert-tls');
  const word = entry?.args[0];
  const other = role === 'server' ? 'client' : 'server';
  if (entry === undefined) return null;
  if (word === other) return other;
  if (word === role) {
    settings.warning(
      entry,
      `${other}s whose certificate is not one of a ${role} are refused; a ${role} mostly wants: remote-cert-tls ${other}`,
    );
    return role;
  }
  return fail(settings, entry, `'${word}' is not known; write: remote-cert-tls ${other}`);
};

/** compat(2.6): without something that checks users, a server that lets clients in without certificate does not start. */
const readClientCertificate = (settings: Settings, checksUsers: boolean): TlsOptions['clientCertificate'] => {
  const entry = settings.last('verify-client-cert');
  const word = entry?.args[0] ?? 'require';
  if (entry === undefined || word === 'require') return 'require';
  if ((word === 'none' || word === 'optional') && checksUsers) return word;
  if (word === 'none' || word === 'optional') {
    settings.error(
      entry,
      `${word} lets everybody in, as nothing checks users; write: verify-client-cert require, or embed the server with authenticate`,
    );
  } else {
    settings.error(entry, `'${word}' is not known; use require`);
  }
  return 'require';
};
