import { type AuthDecision, type PendingPrompt, pushOptionFault } from '@shardvpn/core';
import type { AuthAnswer, AuthPrompt } from './auth-request.js';
import { toBase64 } from './password.js';

/** The decision that an answer means. Throws a line for the log where it means nothing. */
export const readAnswer = (answer: AuthAnswer, username: string | null): AuthDecision => {
  switch (answer?.type) {
    case 'accept':
      return { type: 'accept', push: checkedPush(answer.push ?? []) };
    case 'refuse':
    case 'expired':
      return { type: answer.type, reason: answer.reason ?? '', detail: detailOf(answer) };
    case 'temporary': {
      const { reason = '', backoff = null, advance = null } = answer;
      return { type: 'temporary', reason, backoff, advance, detail: detailOf(answer) };
    }
    case 'challenge': {
      const { stateId, text, echo = false, response = true } = answer;
      if (!/^[^:\p{Cc}]+$/u.test(stateId)) throw new Error('the stateId of a challenge is a text without colons');
      return { type: 'challenge', stateId, text: oneLine(text), user: toBase64(username ?? ''), echo, response };
    }
    case 'pending':
      return { type: 'pending', timeout: seconds(answer.timeout), prompt: readPrompt(answer.prompt) };
    default:
      throw new Error(`an answer has one of the known types, not '${String((answer as { type?: unknown })?.type)}'`);
  }
};

/** Reasons are anybody's words: in logs and metrics they are not to look like the server's own. */
const detailOf = ({ type, reason }: { readonly type: string; readonly reason?: string }): string =>
  `login: ${type}${reason === undefined ? '' : `: ${oneLine(reason)}`}`;

const checkedPush = (push: readonly string[]): readonly string[] => {
  for (const option of push) {
    const fault = pushOptionFault(option);
    if (fault !== null) throw new Error(`cannot push '${option}': ${fault}`);
  }
  return push;
};

const seconds = (timeout: number): number => {
  if (timeout > 0 && Number.isFinite(timeout)) return timeout;
  throw new Error(`the timeout of a pending answer is a number of seconds, not ${timeout}`);
};

const readPrompt = (prompt: AuthPrompt | undefined): PendingPrompt | null => {
  switch (prompt?.type) {
    case undefined:
      return null;
    case 'open-url':
      return prompt;
    case 'web-auth':
      return { ...prompt, flags: prompt.flags ?? [] };
    case 'text':
      return {
        type: 'text',
        text: oneLine(prompt.text),
        echo: prompt.echo ?? false,
        response: prompt.response ?? false,
      };
  }
};

const oneLine = (text: string): string => text.replace(/\p{Cc}+/gu, ' ');
