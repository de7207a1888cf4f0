import { type AuthDecision, pendingMethodsOf } from '@shardvpn/core';
import type { FromShard, ToShard } from '@shardvpn/worker';
import type { Log } from '../log.js';
import type { AuthAnswer, Authenticate, AuthRequest } from './auth-request.js';
import { fromBase64, parsePassword } from './password.js';
import { readAnswer } from './read-answer.js';

export interface AuthenticatorPorts {
  readonly send: (shard: number, message: ToShard) => void;
  readonly log: Log;
}

type Question = Extract<FromShard, { readonly type: 'authenticate' }>;

/** Puts the shards' questions to the program that embeds the server, and keeps them until they are decided. */
export class Authenticator {
  readonly #authenticate: Authenticate;
  readonly #ports: AuthenticatorPorts;
  readonly #open = new Map<string, OpenQuestion>();
  readonly #counts = new Map<AuthDecision['type'], number>();

  constructor(authenticate: Authenticate, ports: AuthenticatorPorts) {
    this.#authenticate = authenticate;
    this.#ports = ports;
  }

  /** Decisions that were sent, by type. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  ask(shard: number, question: Question): void {
    const end = new AbortController();
    const open = { shard, request: question.request, username: question.identity.username, end, onResponse: null };
    this.#open.set(keyOf(shard, question.request), open);
    void this.#follow(open, async () => this.#authenticate(describe(question, end.signal)));
  }

  /** The user's answer, in base64. */
  respond(shard: number, request: number, response: string): void {
    const open = this.#open.get(keyOf(shard, request));
    const { onResponse } = open ?? {};
    if (open === undefined || onResponse == null) return;
    open.onResponse = null;
    void this.#follow(open, async () => onResponse(fromBase64(response)));
  }

  withdraw(shard: number, request: number): void {
    const open = this.#open.get(keyOf(shard, request));
    if (open !== undefined) this.#close(open);
  }

  /** The worker that asked is gone, and its questions with it. */
  forget(shard: number): void {
    for (const open of [...this.#open.values()]) if (open.shard === shard) this.#close(open);
  }

  async #follow(open: OpenQuestion, answer: () => Promise<AuthAnswer>): Promise<void> {
    const { given, decision } = await this.#decide(open, answer);
    // Whoever comes second, or too late, is not heard.
    if (this.#open.get(keyOf(open.shard, open.request)) !== open) return;
    this.#counts.set(decision.type, (this.#counts.get(decision.type) ?? 0) + 1);
    this.#ports.send(open.shard, { type: 'auth-decision', request: open.request, decision });
    if (given?.type !== 'pending') {
      this.#close(open);
      return;
    }
    open.onResponse = given.onResponse ?? null;
    const later = given.decision;
    if (later !== undefined) void this.#follow(open, () => later);
  }

  async #decide(open: OpenQuestion, answer: () => Promise<AuthAnswer>): Promise<Decided> {
    try {
      const given = await answer();
      return { given, decision: readAnswer(given, open.username) };
    } catch (error) {
      this.#ports.log.error(`authenticate: ${(error as Error)?.message ?? error}`, {
        user: open.username ?? 'without a name',
      });
      return { given: null, decision: NOT_CHECKED };
    }
  }

  #close(open: OpenQuestion): void {
    this.#open.delete(keyOf(open.shard, open.request));
    open.end.abort();
  }
}

interface OpenQuestion {
  readonly shard: number;
  readonly request: number;
  readonly username: string | null;
  readonly end: AbortController;
  onResponse: Extract<AuthAnswer, { type: 'pending' }>['onResponse'] | null;
}

interface Decided {
  /** null where there was no answer that makes sense. */
  readonly given: AuthAnswer | null;
  readonly decision: AuthDecision;
}

const NOT_CHECKED: AuthDecision = {
  type: 'temporary',
  reason: 'the login could not be checked',
  detail: 'login: could not be checked',
};

const keyOf = (shard: number, request: number): string => `${shard} ${request}`;

const describe = ({ identity, password, renegotiation }: Question, signal: AbortSignal): AuthRequest => ({
  renegotiation,
  username: identity.username,
  password: parsePassword(password),
  certificate: identity.certificate,
  address: { host: identity.path.host, port: identity.path.port },
  peerInfo: identity.peerInfo,
  pendingMethods: pendingMethodsOf(identity.peerInfo),
  signal,
});
