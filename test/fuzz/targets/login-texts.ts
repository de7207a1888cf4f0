import { deepStrictEqual, ok } from 'node:assert';
import { clientFeatures } from '../../../packages/core/src/negotiate/features.js';
import type { AuthDecision, AuthRefusal } from '../../../packages/core/src/server/auth-decision.js';
import { planPending } from '../../../packages/core/src/server/pending-auth.js';
import { refusalMessage } from '../../../packages/core/src/server/refusal-message.js';
import { parseAuthFailed } from '../../../packages/core/src/wire/auth-failed.js';
import {
  encodeControlMessage,
  MAX_CONTROL_MESSAGE_LENGTH,
  parseControlMessage,
  splitControlMessages,
} from '../../../packages/core/src/wire/control-message.js';
import { parseInfoPre } from '../../../packages/core/src/wire/info-pre.js';
import { parsePeerInfo } from '../../../packages/core/src/wire/peer-info.js';
import { hasControlCharacter } from '../../../packages/core/src/wire/text.js';
import type { AuthAnswer } from '../../../packages/supervisor/src/auth/auth-request.js';
import { parsePassword, toBase64 } from '../../../packages/supervisor/src/auth/password.js';
import { readAnswer } from '../../../packages/supervisor/src/auth/read-answer.js';
import { ByteSource } from '../byte-source.js';

const TIMES = { handWindow: 60_000, tranWindow: 3_600_000, renegotiate: 3_600_000, tlsTimeout: 2000 };
const TYPES = ['accept', 'refuse', 'expired', 'temporary', 'challenge', 'pending'] as const;
const PROMPTS = ['open-url', 'web-auth', 'text'] as const;
const ADVANCE = ['no', 'addr', 'remote'] as const;

/** Logins: what a server says about them, any text of a client's server, and the answers of an authenticator. */
export const loginTexts = (input: Uint8Array): void => {
  const source = new ByteSource(input);
  const kind = source.u8();
  const features = clientFeatures(parsePeerInfo(textOf(source)));
  const answer = answerOf(source, kind);
  const decision = decided(answer, textOf(source));
  if (decision?.type === 'pending') {
    const plan = planPending(5000, 0, TIMES, features, decision);
    if ('messages' in plan) for (const message of plan.messages) checkMessage(message);
  } else if (decision !== null && decision.type !== 'accept') {
    checkRefusal(decision, checkMessage(refusalMessage(decision, features)));
  }
  const rest = textOf(source);
  parseAuthFailed(rest);
  parseInfoPre(rest);
  checkPassword(rest, textOf(source));
};

const textOf = (source: ByteSource): string => new TextDecoder().decode(source.sized());

/** Whatever an authenticator says, in its types. */
const answerOf = (source: ByteSource, kind: number): AuthAnswer => {
  const type = TYPES[kind % TYPES.length];
  const [flags, number] = [source.u8(), source.u16()];
  const [text, other] = [textOf(source), textOf(source)];
  const prompt = {
    type: PROMPTS[flags % PROMPTS.length],
    url: text,
    text,
    flags: [other],
    echo: (flags & 4) !== 0,
    response: (flags & 8) !== 0,
  };
  return {
    type,
    reason: text,
    push: text === '' ? [] : [text, other],
    text,
    stateId: other,
    echo: prompt.echo,
    response: prompt.response,
    backoff: (flags & 16) === 0 ? null : number,
    advance: ADVANCE[flags >> 6] ?? null,
    timeout: number,
    ...((flags & 32) === 0 && { prompt }),
  } as unknown as AuthAnswer;
};

/** null for an answer that means nothing, which is told. */
const decided = (answer: AuthAnswer, username: string): AuthDecision | null => {
  try {
    return readAnswer(answer, username);
  } catch (error) {
    ok(error instanceof Error && !(error instanceof TypeError) && !(error instanceof RangeError), String(error));
    return null;
  }
};

/** What a client's user has typed arrives, in every form that a password has. */
const checkPassword = (text: string, other: string): void => {
  const form = parsePassword(text);
  ok(form.type !== 'plain' || form.password === text);
  deepStrictEqual(parsePassword(`SCRV1:${toBase64(text)}:${toBase64(other)}`), {
    type: 'static-challenge',
    password: text,
    response: other,
  });
  if (text.includes(':')) return;
  const dynamic = { type: 'dynamic-challenge', stateId: text, response: other };
  deepStrictEqual(parsePassword(`CRV1::${text}::${other}`), dynamic);
};

/** It is one message that every client reads whole. */
const checkMessage = (message: string): string => {
  const encoded = encodeControlMessage(message);
  ok(encoded.length <= MAX_CONTROL_MESSAGE_LENGTH, `${encoded.length} bytes`);
  ok(!hasControlCharacter(message), JSON.stringify(message));
  deepStrictEqual(splitControlMessages(encoded), [message]);
  return message;
};

/** Our own client understands what was meant, as far as the text was not cut. */
const checkRefusal = (refusal: AuthRefusal, message: string): void => {
  const parsed = parseControlMessage(message);
  ok(parsed.type === 'auth-failed');
  const read = parseAuthFailed(parsed.reason);
  if (refusal.type === 'challenge' && refusal.user.length < 200 && refusal.stateId.length < 200) {
    ok(read.type === 'challenge', message);
    const { stateId, user, echo, response } = refusal;
    deepStrictEqual([read.stateId, read.user, read.echo, read.response], [stateId, user, echo, response]);
  }
};
