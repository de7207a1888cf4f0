import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { VpnError } from '@shardvpn/core';
import { z } from 'zod';
import type { KeyedCertificate } from './certificates.js';
import { writeSecret } from './write-secret.js';

const IssuedSchema = z.object({
  name: z.string(),
  role: z.enum(['server', 'client']),
  /** Upper-case hex. */
  serial: z.string(),
  /** ISO 8601. */
  notAfter: z.string(),
  revokedAt: z.string().nullable(),
});
const IndexSchema = z.object({ crlUntil: z.string(), issued: z.array(IssuedSchema) });

/** One certificate the authority has issued. */
export type Issued = z.infer<typeof IssuedSchema>;
type Index = z.infer<typeof IndexSchema>;

const YEAR_MS = 365 * 24 * 3600 * 1000;
const AUTHORITY_YEARS = 20;
const CERTIFICATE_YEARS = 10;
const CRL_YEARS = 10;

/**
 * A certificate authority in a directory of its own: key, certificate, CRL and an index of what was issued.
 * The directory is for root alone; `index.json` is the truth about revocations, the CRL is made from it.
 */
export class Authority {
  private constructor(
    private readonly directory: string,
    private readonly own: KeyedCertificate,
    private index: Index,
  ) {}

  /** Opens the authority of the directory, or undefined when there is none. Throws `config/authority` for a damaged one. */
  static open(directory: string): Authority | undefined {
    const read = (name: string): string => readFileSync(join(directory, name), 'utf8');
    const text = unlessAbsent(() => read(INDEX));
    if (text === undefined) return undefined;
    const index = IndexSchema.safeParse(parseJson(text));
    if (!index.success)
      throw new VpnError('config/authority', `${join(directory, INDEX)} is damaged; restore it from a backup`);
    return new Authority(directory, { certificate: read(CERTIFICATE), key: read(KEY) }, index.data);
  }

  static async create(directory: string, commonName: string): Promise<Authority> {
    const { makeAuthority } = await import('./certificates.js');
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const own = await makeAuthority(commonName, yearsAhead(AUTHORITY_YEARS));
    writeSecret(join(directory, KEY), own.key);
    writeSecret(join(directory, CERTIFICATE), own.certificate);
    const authority = new Authority(directory, own, { crlUntil: '', issued: [] });
    await authority.writeCrl();
    return authority;
  }

  get certificate(): string {
    return this.own.certificate;
  }

  get crlFile(): string {
    return join(this.directory, CRL);
  }

  list(): readonly Issued[] {
    return this.index.issued;
  }

  /** The valid certificate of that name, if there is one. */
  find(name: string): Issued | undefined {
    return this.index.issued.find((issued) => issued.name === name && issued.revokedAt === null);
  }

  /** Throws `config/name-taken` when a valid certificate of that name exists. */
  async issue(role: 'server' | 'client', name: string): Promise<KeyedCertificate> {
    if (this.find(name) !== undefined) {
      throw new VpnError(
        'config/name-taken',
        `'${name}' has a certificate already; choose another name or revoke it first`,
      );
    }
    const { issueCertificate } = await import('./certificates.js');
    const notAfter = yearsAhead(CERTIFICATE_YEARS);
    const { serial, ...issued } = await issueCertificate(this.own, role, name, notAfter);
    const record: Issued = { name, role, serial, notAfter: notAfter.toISOString(), revokedAt: null };
    this.save({ ...this.index, issued: [...this.index.issued, record] });
    return issued;
  }

  /** Revokes the client's certificate and rewrites the CRL. Throws `config/no-client` for an unknown name. */
  async revoke(name: string): Promise<void> {
    const target = this.find(name);
    if (target?.role !== 'client') {
      throw new VpnError('config/no-client', `there is no client '${name}'; see: shardvpn client list`);
    }
    const revoked = { ...target, revokedAt: new Date().toISOString() };
    this.save({ ...this.index, issued: this.index.issued.map((issued) => (issued === target ? revoked : issued)) });
    await this.writeCrl();
  }

  /** A CRL that has run out would lock everybody out: it is rewritten long before that. */
  async renewCrl(): Promise<void> {
    const early = Date.now() + (CRL_YEARS - 1) * YEAR_MS;
    if (!existsSync(this.crlFile) || Date.parse(this.index.crlUntil) < early) await this.writeCrl();
  }

  private async writeCrl(): Promise<void> {
    const { makeCrl } = await import('./certificates.js');
    const until = yearsAhead(CRL_YEARS);
    const revoked = this.index.issued.flatMap(({ serial, revokedAt }) =>
      revokedAt === null ? [] : [{ serial, revokedAt: new Date(revokedAt) }],
    );
    writeSecret(this.crlFile, await makeCrl(this.own, revoked, until));
    this.save({ ...this.index, crlUntil: until.toISOString() });
  }

  private save(index: Index): void {
    writeSecret(join(this.directory, INDEX), `${JSON.stringify(index, null, 2)}\n`);
    this.index = index;
  }
}

const INDEX = 'index.json';
const CERTIFICATE = 'ca.crt';
const KEY = 'ca.key';
const CRL = 'crl.pem';

const yearsAhead = (years: number): Date => new Date(Date.now() + years * YEAR_MS);

/** What may be there but cannot be looked at is a fault of its own, not absent. */
const unlessAbsent = (read: () => string): string | undefined => {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
