import type { Millis } from '../ids.js';
import type { ClientFeatures } from '../negotiate/features.js';
import type { SessionTimes } from '../session/session-times.js';
import { MAX_CONTROL_MESSAGE_LENGTH } from '../wire/control-message.js';
import { encodeText, hasControlCharacter } from '../wire/text.js';
import type { AuthDecision, PendingPrompt } from './auth-decision.js';
import { challengeFlags } from './refusal-message.js';

export type PendingPlan =
  | { readonly messages: readonly string[]; readonly until: Millis }
  /** Why this client cannot be kept waiting like that; a line for its user. */
  | { readonly fault: string };

/**
 * What a client is told while it waits, and until when it may: for max(reneg-sec / 2, hand-window) since its key id was
 * begun at most. [wire 15]
 */
export const planPending = (
  now: Millis,
  startedAt: Millis,
  times: SessionTimes,
  features: ClientFeatures,
  { prompt, timeout }: Extract<AuthDecision, { type: 'pending' }>,
): PendingPlan => {
  const info = prompt === null ? null : infoOf(prompt, features);
  if (info !== null && typeof info !== 'string') {
    return info;
  }
  if (info !== null && (hasControlCharacter(info) || encodeText(info).length >= MAX_CONTROL_MESSAGE_LENGTH)) {
    return { fault: 'the server cannot show what is to be done' };
  }
  const longest = Math.max(times.renegotiate / 2, times.handWindow) - (now - startedAt);
  const wait = Math.max(0, Math.min(1000 * timeout, longest));
  const pending = features.pendingTimeout ? `AUTH_PENDING,timeout ${Math.ceil(wait / 1000)}` : 'AUTH_PENDING';
  return { messages: info === null ? [pending] : [pending, info], until: now + wait };
};

/** How long an answer may take that no client has been told to wait for. [wire 18] */
export const answerLimit = ({ renegotiate, handWindow }: SessionTimes): Millis =>
  renegotiate === 0 ? handWindow : Math.min(handWindow, Math.max(renegotiate / 2, SHORTEST_LIMIT));

/** Renegotiations may follow each other faster than anybody can answer. */
const SHORTEST_LIMIT: Millis = 10_000;

/** In the form that the client announces; a page can be shown in two ways. */
const infoOf = (prompt: PendingPrompt, { pendingMethods }: ClientFeatures): string | { readonly fault: string } => {
  if (prompt.type === 'text') {
    return pendingMethods.has('text')
      ? `INFO_PRE,CR_TEXT:${challengeFlags(prompt)}:${prompt.text}`
      : { fault: 'this login needs a client that can show a question' };
  }
  if (pendingMethods.has('web-auth')) {
    const flags = prompt.type === 'web-auth' ? prompt.flags : [];
    return `INFO_PRE,WEB_AUTH:${flags.join(',')}:${prompt.url}`;
  }
  return pendingMethods.has('open-url')
    ? `INFO_PRE,OPEN_URL:${prompt.url}`
    : { fault: 'this login needs a client that can open a web page' };
};
