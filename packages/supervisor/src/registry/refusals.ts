import type { DropReason, EndReason } from '@shardvpn/core';

/** Why clients were refused. Names are stable: they are labels of metrics. */
export const REFUSALS = [
  'certificate-revoked',
  'certificate-expired',
  'certificate-not-yet-valid',
  'certificate-missing',
  'certificate-purpose',
  'certificate-name',
  'revocation-list',
  'unknown-ca',
  'tls-version',
  'tls-cipher',
  'tls-other',
  'data-cipher',
  'credentials',
  /** The program that embeds the server has said so. */
  'login',
  'login-undecided',
  'no-free-address',
  'max-clients',
  'handshake-timeout',
  'protocol-error',
  'other',
] as const;

export type Refusal = (typeof REFUSALS)[number];

export interface RefusedClient {
  readonly host: string;
  readonly reason: EndReason;
  readonly detail: string;
}

/**
 * Counts refused clients by what was wrong with them, and says which of them deserve a line of the log: one for each address and
 * reason a minute, and no more than a hundred in all.
 */
export class Refusals {
  readonly #now: () => number;
  readonly #counts = Object.fromEntries(REFUSALS.map((refusal) => [refusal, 0])) as Record<Refusal, number>;
  readonly #told = new Set<string>();
  #until = Number.NEGATIVE_INFINITY;

  /** `now`: monotonic milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  get counts(): Readonly<Record<Refusal, number>> {
    return this.#counts;
  }

  count(client: RefusedClient): void {
    this.#counts[classify(client)]++;
  }

  /** Whether to tell of it; it counts as told then. */
  mayTell(client: RefusedClient): boolean {
    return this.#once(`${classify(client)} ${client.host}`);
  }

  /** The same for a client whose packets are dropped, or of no use: each shard has told of it at most once. */
  mayTellOfDrop(host: string, reason: DropReason | 'mismatched'): boolean {
    return this.#once(`${reason} ${host}`);
  }

  #once(name: string): boolean {
    const now = this.#now();
    if (now >= this.#until) {
      this.#until = now + PERIOD;
      this.#told.clear();
    }
    if (this.#told.has(name) || this.#told.size >= MOST_LINES) return false;
    this.#told.add(name);
    return true;
  }
}

const classify = ({ reason, detail }: RefusedClient): Refusal => {
  if (reason === 'handshake-timeout' || reason === 'protocol-error') return reason;
  const known = PATTERNS.find(([pattern]) => pattern.test(detail))?.[1];
  return known ?? (reason === 'tls-failed' ? 'tls-other' : 'other');
};

/** Texts of both TLS engines and of our own; the first that fits. */
const PATTERNS: readonly (readonly [RegExp, Refusal])[] = [
  [/^login: /, 'login'],
  [/^nobody has decided about the login/, 'login-undecided'],
  [/\bCRL\b/, 'revocation-list'],
  [/revoked/i, 'certificate-revoked'],
  [/not yet valid/i, 'certificate-not-yet-valid'],
  [/expired/i, 'certificate-expired'],
  [/(did not return|without|no) a? ?certificate/i, 'certificate-missing'],
  [/purpose|key usage/i, 'certificate-purpose'],
  [/unknown ca|issuer|self.signed|unable to verify/i, 'unknown-ca'],
  [/verify-x509-name|certificate name/i, 'certificate-name'],
  [/protocol version|unsupported protocol/i, 'tls-version'],
  [/no shared cipher|no suitable|handshake failure/i, 'tls-cipher'],
  [/data.?cipher/i, 'data-cipher'],
  [/username|password|credential/i, 'credentials'],
  [/no free address|no peer-id/i, 'no-free-address'],
  [/max-clients/i, 'max-clients'],
];

const PERIOD = 60_000;
const MOST_LINES = 100;
