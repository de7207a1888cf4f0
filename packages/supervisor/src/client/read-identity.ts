import type { VerifyName } from '@shardvpn/worker';
import { readCredentials, type WantedMaterial } from '../config/credentials.js';
import { readMaterial } from '../config/material.js';
import type { Settings } from '../config/settings.js';
import { readTlsPolicy } from '../config/tls-settings.js';
import type { LoginPolicy, StaticChallenge } from './login.js';
import type { ClientProfile } from './profile.js';

type Identity = Pick<ClientProfile, 'tls' | 'login' | 'authRetry'>;

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
    login: readLogin(settings),
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

/** Two lines: user name and password; what is not there is asked for. */
const readLogin = (settings: Settings): LoginPolicy | null => {
  const challenge = readStaticChallenge(settings);
  const entry = settings.last('auth-user-pass');
  if (entry === undefined) return null;
  if (entry.inline === null && entry.args.length === 0) return { username: null, password: null, challenge };
  const text = readMaterial(settings, 'auth-user-pass')?.text;
  if (text === undefined) return null;
  const [username = '', password = ''] = text.split(/\r?\n/);
  if (username === '') {
    settings.error(entry, 'the first line has to be the user name; correct it');
    return null;
  }
  return { username, password: password || null, challenge };
};

const readStaticChallenge = (settings: Settings): StaticChallenge | null => {
  const entry = settings.last('static-challenge');
  if (entry === undefined) return null;
  const [text = '', echo, format = 'scrv1'] = entry.args;
  if (!settings.has('auth-user-pass')) settings.error(entry, 'it goes along with a password; add: auth-user-pass');
  if (echo !== '0' && echo !== '1') {
    settings.error(entry, `'${echo}' is not known; use 1 to show what is typed, 0 to hide it`);
  }
  if (format !== 'scrv1' && format !== 'concat') {
    settings.error(entry, `'${format}' is not known; use scrv1 or concat`);
  }
  return { text, echo: echo === '1', concat: format === 'concat' };
};

const readAuthRetry = (settings: Settings): boolean => {
  const entry = settings.last('auth-retry');
  const word = entry?.args[0] ?? 'none';
  if (entry !== undefined && word !== 'none' && word !== 'nointeract') {
    settings.error(entry, `'${word}' is not supported; use none or nointeract`);
  }
  return word === 'nointeract';
};
