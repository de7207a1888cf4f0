import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { TlsOptions } from '@shardvpn/worker';
import { readCrlDates } from './crl-dates.js';
import { type Material, materialName, pemBlocks, pemContents, readMaterial } from './material.js';
import type { Settings } from './settings.js';

export interface Credentials extends Pick<TlsOptions, 'ca' | 'cert' | 'key' | 'crl'> {
  readonly crlFile: string | null;
}

/** What the error says about a missing `ca`, `cert` and `key`; null where it may be missing. */
export interface WantedMaterial {
  readonly ca: string;
  readonly cert: string | null;
  readonly key: string | null;
  /** The certificate has to be issued by `ca`: the other side has no other. */
  readonly sameAuthority: boolean;
}

const OF_A_SERVER: WantedMaterial = {
  ca: 'the certificate of the authority that clients are checked against',
  cert: 'the certificate of this server',
  key: 'the private key of this server',
  sameAuthority: true,
};

/** Reads `ca`, `cert`, `key`, `dh` and `crl-verify`, and checks that they fit together at the time `now`. */
export const readCredentials = (settings: Settings, now: Date, wanted: WantedMaterial = OF_A_SERVER): Credentials => {
  const ca = material(settings, 'ca', wanted.ca);
  const cert = material(settings, 'cert', wanted.cert);
  const key = material(settings, 'key', wanted.key);
  const authorities = ca === undefined ? [] : readCertificates(settings, ca);
  const chain = cert === undefined ? [] : readCertificates(settings, cert);
  const privateKey = key === undefined ? undefined : readKey(settings, key);
  const leaf = chain[0];
  if (cert !== undefined && leaf !== undefined) {
    checkValidity(settings, cert, leaf, now);
    if (wanted.sameAuthority && authorities.length > 0) checkIssuer(settings, cert, chain, authorities);
    if (key !== undefined && privateKey !== undefined && !leaf.checkPrivateKey(privateKey)) {
      settings.error(
        key.entry,
        `the key does not belong to the certificate of cert (${nameOf(leaf)}); use the two that were made together`,
      );
    }
  }
  const dh = settings.last('dh');
  if (dh !== undefined && dh.args[0] !== 'none') settings.note(dh, 'ignored: keys are agreed on with elliptic curves');
  const crl = readCrl(settings, now);
  return {
    ca: ca?.text ?? '',
    cert: cert?.text ?? '',
    key: key?.text ?? '',
    crl: crl?.text ?? null,
    crlFile: crl?.file ?? null,
  };
};

const material = (settings: Settings, name: string, what: string | null): Material | undefined => {
  if (what !== null && !settings.has(name))
    settings.missing(name, `missing: ${what}; add: ${name} FILE, or a <${name}> block`);
  return readMaterial(settings, name);
};

const readCertificates = (settings: Settings, material: Material): readonly X509Certificate[] => {
  const blocks = pemBlocks(material.text, /^(X509 |TRUSTED )?CERTIFICATE$/);
  if (blocks.length === 0) {
    settings.error(
      material.entry,
      `${materialName(material)} holds no certificate but ${pemContents(material.text)}; give a file with BEGIN CERTIFICATE`,
    );
    return [];
  }
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    settings.error(material.entry, `a certificate in ${materialName(material)} is damaged; get the file again`);
    return [];
  }
};

const readKey = (settings: Settings, material: Material): KeyObject | undefined => {
  const { entry, text } = material;
  const block = pemBlocks(text, /PRIVATE KEY$/)[0];
  if (block === undefined) {
    settings.error(
      entry,
      `${materialName(material)} holds no private key but ${pemContents(text)}; give a file with BEGIN PRIVATE KEY`,
    );
    return undefined;
  }
  if (/BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/.test(block)) {
    settings.error(
      entry,
      `${materialName(material)} is encrypted, which is not supported yet; decrypt it: openssl pkey -in KEY -out NEW`,
    );
    return undefined;
  }
  try {
    return createPrivateKey(block);
  } catch {
    settings.error(entry, `the private key in ${materialName(material)} is damaged; get the file again`);
    return undefined;
  }
};

const checkValidity = (settings: Settings, { entry }: Material, leaf: X509Certificate, now: Date): void => {
  if (new Date(leaf.validTo) < now) {
    settings.error(entry, `the certificate (${nameOf(leaf)}) has expired on ${day(leaf.validTo)}; issue a new one`);
  } else if (new Date(leaf.validFrom) > now) {
    settings.error(
      entry,
      `the certificate (${nameOf(leaf)}) is valid only from ${day(leaf.validFrom)} on; check the clock of this machine`,
    );
  }
};

const checkIssuer = (
  settings: Settings,
  { entry }: Material,
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
): void => {
  const leaf = chain[0] as X509Certificate;
  const issuers = [...chain.slice(1), ...authorities];
  if (!issuers.some((issuer) => leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey))) {
    settings.warning(
      entry,
      `the certificate (${nameOf(leaf)}) is not issued by ca; clients with the same ca will refuse this server`,
    );
  }
};

const readCrl = (settings: Settings, now: Date): Material | undefined => {
  const entry = settings.last('crl-verify');
  if (entry?.args[1] === 'dir') {
    settings.error(entry, 'a directory of revoked serial numbers is not supported yet; use a CRL file');
    return undefined;
  }
  if (entry?.args[1] !== undefined) settings.error(entry, `'${entry.args[1]}' is not known; give the file alone`);
  const material = readMaterial(settings, 'crl-verify');
  if (material === undefined) return undefined;
  const blocks = pemBlocks(material.text, /^X509 CRL$/);
  if (blocks.length === 0) {
    settings.error(
      material.entry,
      `${materialName(material)} holds no CRL but ${pemContents(material.text)}; give a file with BEGIN X509 CRL`,
    );
    return undefined;
  }
  const dates = blocks.map(readCrlDates);
  if (dates.includes(undefined)) {
    settings.error(material.entry, `the CRL in ${materialName(material)} is damaged; issue a new one`);
  }
  const overdue = dates.map((date) => date?.nextUpdate).find((date) => date && date < now);
  if (overdue) {
    settings.warning(
      material.entry,
      `the CRL was to be renewed by ${day(overdue)}; every client is refused until it is, issue a new one`,
    );
  }
  return material;
};

const nameOf = (certificate: X509Certificate): string => certificate.subject.replaceAll('\n', ', ');

const day = (date: string | Date): string => new Date(date).toISOString().slice(0, 10);
