import type { Millis, Path } from '../ids.js';
import type { KeyChannelEvent } from '../session/key-channel.js';
import type { KeyExchange } from '../session/key-exchange.js';
import type { Key, Session } from '../session/session.js';
import { splitControlMessages } from '../wire/control-message.js';
import type { AskedKey, AuthDialogue } from './auth-dialogue.js';
import { handleKeyMethod, type KeyMethodOutcome } from './await-key-method.js';
import { renegotiatedKeys } from './connect-client.js';
import type { ServerContext } from './server-context.js';
import type { EndReason } from './server-event.js';
import type { ServerPhase } from './server-phase.js';
import type { KnownClient } from './stage.js';

/** What a TLS event of a live session comes to. */
export type KeyStep =
  | { readonly type: 'waiting' }
  /** Control messages of a key id whose key methods are exchanged. */
  | { readonly type: 'messages'; readonly texts: readonly string[] }
  /** `accepted`: nobody is asked, so this client may come in. */
  | { readonly type: 'asked'; readonly client: KnownClient; readonly accepted: AskedKey | null }
  | { readonly type: 'fault'; readonly reason: EndReason; readonly detail: string }
  | Extract<KeyMethodOutcome, { type: 'refused' }>;

export interface KeyNegotiation {
  readonly context: ServerContext;
  readonly session: Session<ServerPhase>;
  readonly auth: AuthDialogue;
  readonly path: Path;
  /** The client as it was at first, for a renegotiation; null for key id 0. */
  readonly known: KnownClient | null;
  /** Number for the question. */
  readonly ask: () => number;
  /** The latest moment for the answer. */
  readonly answerBy: Millis;
}

/** TLS, then the key methods, then the question whether this client may come in. [wire 11] */
export const negotiateKey = (
  now: Millis,
  negotiation: KeyNegotiation,
  key: Key<ServerPhase>,
  event: KeyChannelEvent,
): KeyStep => {
  switch (event.type) {
    case 'established': {
      const { certificate, version, cipher } = event;
      if (certificate === null && negotiation.context.options.clientCertificate === 'require') {
        return { type: 'fault', reason: 'tls-failed', detail: 'the peer did not return a certificate' };
      }
      if (key.phase.type === 'await-tls') {
        key.phase = { type: 'await-key-method', certificate, tls: `${version} ${cipher}` };
      }
      return { type: 'waiting' };
    }
    case 'plaintext':
      return key.phase.type === 'await-key-method'
        ? exchangeKeys(now, negotiation, key, key.phase, event.bytes)
        : { type: 'messages', texts: splitControlMessages(event.bytes) };
    case 'failed':
      return { type: 'fault', reason: 'tls-failed', detail: event.reason };
  }
};

const exchangeKeys = (
  now: Millis,
  negotiation: KeyNegotiation,
  key: Key<ServerPhase>,
  phase: Extract<ServerPhase, { type: 'await-key-method' }>,
  bytes: Uint8Array,
): KeyStep => {
  const { context, path, known, auth, ask, answerBy } = negotiation;
  const outcome = handleKeyMethod(context, key, phase, bytes, path, known);
  if (outcome.type === 'broken') {
    return { type: 'fault', reason: 'protocol-error', detail: outcome.detail };
  }
  if (outcome.type === 'refused') {
    return outcome;
  }
  const { client, password, exchange } = outcome;
  if (known !== null && !installRenegotiated(now, negotiation, key, exchange, known)) {
    return { type: 'waiting' };
  }
  if (context.options.asksAboutLogins === false) {
    return { type: 'asked', client, accepted: { exchange, tls: client.tls, pending: false } };
  }
  auth.ask(now, key, ask(), { client, password, exchange, renegotiation: known !== null, answerBy });
  return { type: 'asked', client, accepted: null };
};

/**
 * Before our key-method message leaves: the client seals with the new key as soon as it has that. The identity is the
 * locked one, and a refusal still to come ends the whole client. [wire 12.6, 17]
 */
const installRenegotiated = (
  now: Millis,
  { context, session }: KeyNegotiation,
  key: Key<ServerPhase>,
  exchange: KeyExchange,
  client: KnownClient,
): boolean => {
  const keys = renegotiatedKeys(context, session, key, exchange, client);
  if (keys === null) session.abandonNext(now, 'the data keys came out unusable');
  else session.completeNext(now, keys);
  return keys !== null;
};
