import { type ClientWrapOptions, type TlsCryptV2Options, VpnError } from '@shardvpn/core';
import { parseClientKey, parseServerKey } from '../pki/tls-crypt-v2-key.js';
import { materialName, readMaterial } from './material.js';
import type { Settings } from './settings.js';

/** A server's `tls-crypt-v2`, `tls-crypt-v2-max-age`, and whether there is a `tls-crypt-v2-verify`; null when there is none. */
export const readTlsCryptV2 = (settings: Settings): TlsCryptV2Options | null => {
  const entry = settings.last('tls-crypt-v2');
  const age = settings.last('tls-crypt-v2-max-age');
  const verify = settings.last('tls-crypt-v2-verify');
  if (entry === undefined) {
    for (const lost of [age, verify]) {
      if (lost !== undefined) settings.error(lost, 'tls-crypt-v2 is missing; add it, or remove the line');
    }
    return null;
  }
  const word = entry.args[1] ?? 'allow-noncookie';
  if (word !== 'force-cookie' && word !== 'allow-noncookie') {
    settings.error(entry, `'${word}' is not known; use force-cookie or allow-noncookie`);
  }
  const maxAge = age === undefined ? null : settings.integerAt(age, 0, 1, 1, MAX_AGE);
  const serverKey = readKey(settings, parseServerKey, 'make one with: shardvpn genkey tls-crypt-v2-server FILE');
  if (serverKey === null) return null;
  return { serverKey, forceCookie: word === 'force-cookie', maxAge, verify: verify !== undefined };
};

/** A client's `tls-crypt-v2`; null when there is none. */
export const readOwnKey = (settings: Settings): ClientWrapOptions | null => {
  const key = readKey(
    settings,
    parseClientKey,
    'the server makes one with: shardvpn genkey tls-crypt-v2-client FILE --tls-crypt-v2 SERVER-KEY',
  );
  return key === null ? null : { type: 'tls-crypt-v2', ...key, canResend: true };
};

/** Days; some centuries. */
const MAX_AGE = 100_000;

const readKey = <T>(settings: Settings, parse: (text: string, source: string) => T, fix: string): T | null => {
  const material = readMaterial(settings, 'tls-crypt-v2');
  if (material === undefined) return null;
  try {
    return parse(material.text, materialName(material));
  } catch (error) {
    if (!(error instanceof VpnError)) throw error;
    settings.error(material.entry, `${error.message}; ${fix}`);
    return null;
  }
};
