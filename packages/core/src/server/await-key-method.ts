import { isDrop } from '../drop-reason.js';
import type { Path } from '../ids.js';
import { createKeyMethod, type KeyExchange, keepKeyMethod } from '../session/key-exchange.js';
import type { Key } from '../session/session.js';
import { decodeKeyMethod, encodeKeyMethod, type KeyMethodMessage } from '../wire/key-method.js';
import { chooseForClient, identityOf } from './client-offer.js';
import { lockOf, lockViolation } from './identity-lock.js';
import type { ServerContext } from './server-context.js';
import type { ServerPhase } from './server-phase.js';
import type { KnownClient } from './stage.js';

export type KeyMethodOutcome =
  | { readonly type: 'broken'; readonly detail: string }
  /** `reply` is for the client. */
  | { readonly type: 'refused'; readonly reply: string; readonly detail: string; readonly hint: string }
  | {
      readonly type: 'ask';
      readonly client: KnownClient;
      readonly password: string | null;
      readonly exchange: KeyExchange;
    };

/**
 * The client's key-method message. Our own goes out in any case: a refused client learns of it by AUTH_FAILED. [wire 11]
 * `known`: the client as it was at first, for a renegotiation; null for key id 0.
 */
export const handleKeyMethod = (
  context: ServerContext,
  key: Key<ServerPhase>,
  phase: Extract<ServerPhase, { type: 'await-key-method' }>,
  plaintext: Uint8Array,
  path: Path,
  known: KnownClient | null,
): KeyMethodOutcome => {
  const decoded = decodeKeyMethod('client', plaintext);
  if (isDrop(decoded)) {
    return { type: 'broken', detail: `the key-method message is ${decoded}` };
  }
  const message = keepKeyMethod(decoded);
  const own = answerKeyMethod(context, key, path, message.options);
  if (message.credentials.type === 'too-long') {
    return { type: 'refused', reply: 'AUTH_FAILED', detail: 'username or password is too long', hint: '' };
  }
  const identity = identityOf(message, phase.certificate, path);
  const password = message.credentials.type === 'password' ? message.credentials.password : null;
  const exchange = { client: message, server: own };
  if (known !== null) {
    const violation = lockViolation(known.lock, identity);
    return violation === null
      ? { type: 'ask', client: { ...known, identity, tls: phase.tls }, password, exchange }
      : { type: 'refused', reply: 'AUTH_FAILED', detail: violation, hint: IDENTITY_HINT };
  }
  const offer = chooseForClient(context.options, message, identity.peerInfo);
  if (offer.type === 'refused') {
    return offer;
  }
  const client = { identity, lock: lockOf(identity), choice: offer.choice, tls: phase.tls, push: [] };
  return { type: 'ask', client, password, exchange };
};

/** Sends our half of the key method. */
export const answerKeyMethod = (
  context: ServerContext,
  key: Key<ServerPhase>,
  path: Path,
  optionsString: string,
): KeyMethodMessage => {
  const own = createKeyMethod(context.crypto, 'server', {
    options: context.optionsString(path, optionsString),
    credentials: { type: 'none' },
    peerInfo: '',
  });
  key.channel.sendKeyMethod(encodeKeyMethod('server', own));
  return own;
};

const IDENTITY_HINT = 'a client keeps its identity for the life of a connection; it has to connect anew';
