import { type ClientWrapOptions, type DigestName, parseStaticKey, VpnError, type WrapOptions } from '@shardvpn/core';
import { type Material, materialName, readMaterial } from './material.js';
import type { Entry } from './read.js';
import type { Settings } from './settings.js';
import { readOwnKey } from './tls-crypt-v2.js';

/** What `tls-auth`, `tls-crypt` and `key-direction` say. `auth` is the digest as written, it protects tls-auth packets. */
export const readWrap = (settings: Settings, auth: string): WrapOptions => {
  const tlsAuth = settings.last('tls-auth');
  const tlsCrypt = settings.last('tls-crypt');
  if (tlsAuth !== undefined && tlsCrypt !== undefined) {
    settings.error(tlsCrypt, 'tls-auth is there as well and only one of them can be used; remove one');
    return { type: 'none' };
  }
  if (tlsCrypt !== undefined) {
    const key = readStaticKey(settings, 'tls-crypt');
    return key === undefined ? { type: 'none' } : { type: 'tls-crypt', key };
  }
  if (tlsAuth === undefined) {
    const lone = settings.last('key-direction');
    if (lone !== undefined) directionOf(settings, lone, lone.args[0] ?? '');
    return { type: 'none' };
  }
  const direction = readDirection(settings, tlsAuth);
  const key = readStaticKey(settings, 'tls-auth');
  if (auth === 'none') {
    settings.error(
      tlsAuth,
      'auth none leaves it without a digest; use auth SHA256, here and in the profiles of the clients',
    );
  }
  return key === undefined
    ? { type: 'none' }
    : { type: 'tls-auth', key, direction, digest: auth.toLowerCase() as DigestName };
};

/** The same in a client's profile, where a key of the client's own takes the place of the others. */
export const readClientWrap = (settings: Settings, auth: string): ClientWrapOptions => {
  const own = settings.last('tls-crypt-v2');
  if (own === undefined) return readWrap(settings, auth);
  const other = settings.last('tls-crypt') ?? settings.last('tls-auth');
  if (other !== undefined) {
    settings.error(other, 'tls-crypt-v2 is there as well and only one of them can be used; remove one');
  }
  return readOwnKey(settings) ?? { type: 'none' };
};

const readStaticKey = (settings: Settings, name: string): Uint8Array | undefined => {
  const material = readMaterial(settings, name);
  return material === undefined ? undefined : parse(settings, material);
};

const parse = (settings: Settings, material: Material): Uint8Array | undefined => {
  try {
    return parseStaticKey(material.text, materialName(material));
  } catch (error) {
    if (!(error instanceof VpnError)) throw error;
    settings.error(material.entry, `${error.message}; make one with: openvpn --genkey secret FILE`);
    return undefined;
  }
};

/** The second word of `tls-auth` or, for a block, `key-direction`. */
const readDirection = (settings: Settings, tlsAuth: Entry): 0 | 1 | null => {
  const keyDirection = settings.last('key-direction');
  const entry = tlsAuth.args[1] === undefined ? keyDirection : tlsAuth;
  const word = tlsAuth.args[1] ?? keyDirection?.args[0];
  return entry === undefined || word === undefined ? null : directionOf(settings, entry, word);
};

const directionOf = (settings: Settings, entry: Entry, word: string): 0 | 1 | null => {
  if (word === '0') return 0;
  if (word === '1') return 1;
  settings.error(entry, `'${word}' is not a key direction; use 0 on the server and 1 on clients`);
  return null;
};
