import type { VerifyName } from '@shardvpn/worker';
import { readCredentials, type WantedMaterial } from '../config/credentials.js';
import { readMaterial } from '../config/material.js';
import type { Settings } from '../config/settings.js';
import { readTlsPolicy } from '../config/tls-settings.js';
import type { ClientProfile } from './profile.js';

type Identity = Pick<ClientProfile, 'tls' | 'credentials' | 'authRetry'>;

/** Who this client is, and which servers it believes. */
export const readIdentity = (settings: Settings, now: Date): Identity => {
  const byPassword = settings.has('auth-user-pass');
  const { crlFile: _, ...material } = readCredentials(settings, now, wanted(settings, byPassword));
  const policy = readTlsPolicy(settings, 'client');
  const verifyName = readVerifyName(settings);
  if (policy.remoteCertTls === null && verifyName === null) {
    const place = { file: settings.source, line: 0 };
    settings.problems.add(
      'warning',
      place,
      'remote-cert-tls',
      'missing: any certificate of ca is taken for the server; add: remote-cert-tls server',
    );
  }
  return {
    tls: { ...material, ...policy, verifyName },
    credentials: byPassword ? readPassword(settings) : null,
    authRetry: readAuthRetry(settings),
  };
};

/** A client that has a password may do without a certificate. */
const wanted = (settings: Settings, byPassword: boolean): WantedMaterial => {
  const optional = byPassword && !settings.has('cert') && !settings.has('key');
  return {
    ca: 'the certificate of the authority that the server is checked against',
    cert: optional ? null : 'the certificate of this client',
    key: optional ? null : 'the private key of this client',
    sameAuthority: false,
  };
};

const readVerifyName = (settings: Settings): VerifyName | null => {
  const entry = settings.last('verify-x509-name');
  if (entry === undefined) return null;
  const [value = '', type = 'subject'] = entry.args;
  if (type === 'subject' || type === 'name' || type === 'name-prefix') return { type, value };
  settings.error(entry, `'${type}' is not known; use subject, name or name-prefix`);
  return null;
};

/** Two lines: user name and password. */
const readPassword = (settings: Settings): Identity['credentials'] => {
  const entry = settings.last('auth-user-pass');
  if (entry === undefined) return null;
  if (entry.inline === null && entry.args.length === 0) {
    settings.error(entry, 'asking for the password is not supported yet; write: auth-user-pass FILE');
    return null;
  }
  const text = readMaterial(settings, 'auth-user-pass')?.text;
  if (text === undefined) return null;
  const [username = '', password = ''] = text.split(/\r?\n/);
  if (username === '' || password === '') {
    settings.error(entry, 'the first line has to be the user name and the second the password; correct it');
    return null;
  }
  return { username, password };
};

const readAuthRetry = (settings: Settings): boolean => {
  const entry = settings.last('auth-retry');
  const word = entry?.args[0] ?? 'none';
  if (entry !== undefined && word !== 'none' && word !== 'nointeract') {
    settings.error(entry, `'${word}' is not supported; use none or nointeract`);
  }
  return word === 'nointeract';
};
