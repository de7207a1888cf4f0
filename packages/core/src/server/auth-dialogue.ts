import type { Millis } from '../ids.js';
import { type Deadline, deadline, earliest } from '../session/deadline.js';
import type { KeyExchange } from '../session/key-exchange.js';
import type { Key, Session } from '../session/session.js';
import { encodeControlMessage } from '../wire/control-message.js';
import type { AuthDecision, AuthRefusal } from './auth-decision.js';
import { answerLimit, planPending } from './pending-auth.js';
import type { ServerContext } from './server-context.js';
import type { ServerPhase } from './server-phase.js';
import type { KnownClient } from './stage.js';

type Phase = Extract<ServerPhase, { type: 'await-auth' }>;
/** A key id about which the world has not decided yet. */
export type UndecidedKey = Key<ServerPhase> & { readonly phase: Phase };

/** What is kept of a key id until it is decided about. */
export type AskedKey = Pick<Phase, 'exchange' | 'tls' | 'pending'>;

export interface AuthQuestion {
  readonly client: KnownClient;
  readonly password: string | null;
  readonly exchange: KeyExchange;
  readonly renegotiation: boolean;
  /** The latest moment for the answer. */
  readonly answerBy: Millis;
}

/** What a session asks the world about its client, key id by key id, and what the client hears meanwhile. [wire 11, 15] */
export class AuthDialogue {
  readonly #context: ServerContext;
  readonly #session: Session<ServerPhase>;

  constructor(context: ServerContext, session: Session<ServerPhase>) {
    this.#context = context;
    this.#session = session;
  }

  get nextDeadline(): Deadline | undefined {
    return earliest(this.#undecided.map(({ phase }) => deadline(phase.until, 'authentication')));
  }

  /** The key id of the question with this number; null when nobody waits for the answer. */
  keyOf(request: number): UndecidedKey | null {
    return this.#undecided.find(({ phase }) => phase.request === request) ?? null;
  }

  /** One whose answer has not come in time, and what its client is told. */
  late(now: Millis): { readonly key: UndecidedKey; readonly refusal: AuthRefusal; readonly hint: string } | null {
    const key = this.#undecided.find(({ phase }) => phase.until <= now);
    if (key === undefined) return null;
    const { pending } = key.phase;
    const reason = 'nobody has decided about the login in time';
    const hint = pending ? '' : 'look at the authentication back end';
    return { key, refusal: { type: pending ? 'refuse' : 'temporary', reason }, hint };
  }

  ask(now: Millis, key: Key<ServerPhase>, request: number, question: AuthQuestion): void {
    const { client, password, exchange, renegotiation } = question;
    const { features } = client.choice;
    const until = Math.min(now + answerLimit(this.#session.times), question.answerBy);
    key.phase = { type: 'await-auth', request, exchange, tls: client.tls, features, until, pending: false };
    const { identity } = client;
    this.#context.outbox.events.push({ type: 'authenticate', request, identity, password, renegotiation });
  }

  /** Keeps the client waiting, or says why that cannot be. */
  wait(now: Millis, key: UndecidedKey, decision: Extract<AuthDecision, { type: 'pending' }>): string | null {
    const plan = planPending(now, key.startedAt, this.#session.times, key.phase.features, decision);
    if ('fault' in plan) {
      return plan.fault;
    }
    for (const message of plan.messages) {
      key.channel.send(encodeControlMessage(message));
    }
    (key as Key<ServerPhase>).phase = { ...key.phase, until: plan.until, pending: true };
    return null;
  }

  /** The client's word in answer to a challenge; false when it was not asked for. */
  respond(response: string): boolean {
    const key = this.#undecided.find(({ phase }) => phase.pending);
    if (key === undefined) {
      return false;
    }
    this.#context.outbox.events.push({ type: 'challenge-response', request: key.phase.request, response });
    return true;
  }

  get #undecided(): readonly UndecidedKey[] {
    return this.#session.keys.filter((key): key is UndecidedKey => key.phase.type === 'await-auth');
  }
}
