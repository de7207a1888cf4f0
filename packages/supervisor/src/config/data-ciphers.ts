import { AEAD_CIPHERS, AUTH_DIGESTS, type DataCipher, dataCipherOf, isAead } from '@shardvpn/core';
import type { Entry } from './read.js';
import type { ServerConfig } from './server-config.js';
import type { Settings } from './settings.js';

type CipherSettings = Pick<ServerConfig, 'dataCiphers' | 'fallbackCipher' | 'cipher' | 'auth'>;

/** What `data-ciphers`, `data-ciphers-fallback`, `cipher` and `auth` say about the data channel. */
export const readDataCiphers = (settings: Settings): CipherSettings => {
  const list = settings.last('data-ciphers');
  const dataCiphers = list === undefined ? DEFAULT_CIPHERS : readList(settings, list);
  const fallback = settings.last('data-ciphers-fallback');
  const fallbackCipher =
    fallback === undefined ? null : supportedCipher(settings, fallback, fallback.args[0] as string);
  const auth = readAuth(settings);
  checkSafety(settings, dataCiphers, fallbackCipher, auth);
  return { dataCiphers, fallbackCipher, cipher: fallbackCipher ?? readCipher(settings, dataCiphers), auth };
};

const DEFAULT_CIPHERS: readonly DataCipher[] = ['AES-256-GCM', 'AES-128-GCM', 'CHACHA20-POLY1305'];

/** `AES-256-GCM:?NEW-ONE:DEFAULT`: a name with a question mark may be unknown, DEFAULT stands for the usual ones. */
const readList = (settings: Settings, entry: Entry): readonly DataCipher[] => {
  const errorsBefore = settings.problems.errors.length;
  const ciphers = (entry.args[0] as string).split(':').flatMap((item): readonly DataCipher[] => {
    if (item === 'DEFAULT') return DEFAULT_CIPHERS;
    if (!item.startsWith('?')) return [supportedCipher(settings, entry, item)].filter((cipher) => cipher !== null);
    const cipher = dataCipherOf(item.slice(1));
    if (cipher === undefined) settings.note(entry, `${item.slice(1)} is left out: it is not supported`);
    return cipher === undefined ? [] : [cipher];
  });
  if (ciphers.length === 0 && settings.problems.errors.length === errorsBefore) {
    settings.error(entry, `no cipher of the list is supported; use ${DEFAULT_CIPHERS.join(':')}`);
  }
  return [...new Set(ciphers)];
};

const supportedCipher = (settings: Settings, entry: Entry, name: string): DataCipher | null => {
  const cipher = dataCipherOf(name);
  if (cipher !== undefined) return cipher;
  const optional = entry.name === 'data-ciphers-fallback' ? '' : `, or write ?${name} to allow for its absence`;
  const use = `use ${AEAD_CIPHERS.join(', ')}`;
  if (!isKnown(name)) settings.error(entry, `'${name}' is not a cipher; ${use}`);
  else if (SHORT_BLOCKS.test(name)) {
    settings.error(entry, `${name} is not supported: blocks of 64 bits give away what they encrypt; ${use}${optional}`);
  } else settings.error(entry, `${name} is not supported; ${use}, or for old peers AES-256-CBC${optional}`);
  return null;
};

const SHORT_BLOCKS = /^(BF|CAST5|RC2|IDEA|DES)-/i;

/** Ciphers that OpenVPN has or had, beside the supported ones. */
const isKnown = (name: string): boolean =>
  dataCipherOf(name) !== undefined ||
  /^((AES|CAMELLIA|ARIA)-(128|192|256)-(CBC|CFB|CFB1|CFB8|OFB|CTR|GCM)|(BF|CAST5|RC2|SEED|SM4|IDEA)-(CBC|CFB|OFB)|DES(-EDE3?|X)?-(CBC|CFB|OFB))$/i.test(
    name,
  );

/** Only shown to the peer in the options string, and the cipher of peers that negotiate nothing but name it. */
const readCipher = (settings: Settings, dataCiphers: readonly DataCipher[]): string => {
  const entry = settings.last('cipher');
  const name = entry?.args[0];
  if (entry === undefined || name === undefined) return 'BF-CBC';
  const cipher = dataCipherOf(name);
  if (!isKnown(name)) {
    settings.error(entry, `'${name}' is not a cipher; use ${AEAD_CIPHERS.join(', ')}, or remove the line`);
  } else if (cipher === undefined || !dataCiphers.includes(cipher)) {
    settings.warning(
      entry,
      `${name} is not in data-ciphers, so it is not used; remove the line, or add it to data-ciphers`,
    );
  }
  return cipher ?? name;
};

/** MD5 protects nothing but tls-auth. */
const DIGESTS = ['MD5', ...AUTH_DIGESTS.filter((name) => name !== 'none')];

const readAuth = (settings: Settings): string => {
  const entry = settings.last('auth');
  const name = (entry?.args[0] ?? 'SHA1')
    .toUpperCase()
    .replace(/^RSA-/, '')
    .replace(/^SHA2?-(?=\d)/, 'SHA');
  if (name === 'NONE') return 'none';
  if (DIGESTS.includes(name)) return name;
  if (entry !== undefined) {
    settings.error(entry, `'${entry.args[0]}' is not a supported digest; use ${DIGESTS.slice(1).join(', ')}`);
  }
  return 'SHA1';
};

/** Says what the protection leaves open, where it does. */
const checkSafety = (
  settings: Settings,
  dataCiphers: readonly DataCipher[],
  fallback: DataCipher | null,
  auth: string,
): void => {
  const inList = settings.last('data-ciphers');
  const inFallback = settings.last('data-ciphers-fallback');
  if (inList !== undefined && dataCiphers.includes('none')) settings.warning(inList, NO_ENCRYPTION);
  if (inFallback !== undefined && fallback === 'none') settings.warning(inFallback, NO_ENCRYPTION);
  const entry = settings.last('auth');
  const inNeed = [...dataCiphers, ...(fallback === null ? [] : [fallback])].find((cipher) => !isAead(cipher));
  if (entry === undefined || inNeed === undefined) return;
  if (auth === 'none') {
    settings.warning(
      entry,
      `DANGER: without a digest anybody can forge packets of connections with ${inNeed}; use auth SHA256, here and at the other end`,
    );
  } else if (auth === 'MD5') {
    settings.error(entry, `packets with ${inNeed} cannot have MD5; use auth SHA256, here and at the other end`);
  }
};

const NO_ENCRYPTION =
  'DANGER: none sends everything unencrypted for all to read to each peer that takes it; remove it unless that is meant';
